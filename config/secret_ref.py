"""Where a secret stands, as the configuration says it."""

from enum import StrEnum

import msgspec


class SecretSource(StrEnum):
    """Where a secret is kept."""

    ENV = "env"
    FILE = "file"
    CREDENTIAL = "credential"


class SecretRef(msgspec.Struct, frozen=True):
    """Where a secret stands: env:NAME, file:PATH or credential:NAME; never the secret itself."""

    source: SecretSource
    name: str

    def __str__(self) -> str:
        return f"{self.source}:{self.name}"

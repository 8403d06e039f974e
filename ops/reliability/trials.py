"""What a test of a fault found: one small file per test, from which the page is made."""

from hashlib import sha256
from pathlib import Path

import msgspec

FOLDER = Path("out/reliability")
NAME_CHARS = 12


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One test's word on one fault: whether what was promised held, and what was measured."""

    fault: str
    test: str
    held: bool
    figures: dict[str, float]


def write(folder: Path, trial: Trial) -> None:
    """Write a trial down, in place of what the same test said before."""
    folder.mkdir(parents=True, exist_ok=True)
    name = sha256(f"{trial.fault} {trial.test}".encode()).hexdigest()[:NAME_CHARS]
    (folder / f"{trial.fault}-{name}.json").write_bytes(msgspec.json.encode(trial))


def read(folder: Path) -> list[Trial]:
    """Read every trial there is."""
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    return [msgspec.json.decode(file.read_bytes(), type=Trial) for file in files]

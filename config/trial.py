"""A configuration on trial: read and built as it stands, and without consequences.

It gets a folder of its own and a free port, every account is in shadow, and nobody is told.
"""

from pathlib import Path

from config.load import Loaded, parse, understand
from config.read import Table

QUIET = ("notify",)


def understand_text(text: str, file: Path, trial: Path | None) -> Loaded:
    """Return what a file's text configures, on trial in the folder `trial` if there is one.

    Raise `ConfigError` with all of its problems.
    """
    document = parse(text, file)
    return understand(document if trial is None else on_trial(document, trial), file)


def on_trial(document: Table, data_dir: Path) -> Table:
    """Return parsed TOML changed for a trial; what is no table is left for its reader to refuse."""
    tried = {key: value for key, value in document.items() if key not in QUIET}
    service, accounts = tried.get("service", {}), tried.get("accounts")
    if isinstance(service, dict):
        kept = {key: value for key, value in service.items() if key != "otlp"}
        tried["service"] = {**kept, "data_dir": str(data_dir), "http": "127.0.0.1:0"}
    if isinstance(accounts, list):
        tried["accounts"] = [
            {**one, "mode": "shadow"} if isinstance(one, dict) else one for one in accounts
        ]
    return tried

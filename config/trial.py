"""A configuration on trial: read and built as it stands, and without consequences.

It gets a folder of its own and a free port, every account is in shadow, and nobody is told.
"""

from pathlib import Path

from config.read import Table

QUIET = ("notify",)


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

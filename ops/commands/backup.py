"""`riskwarden backup`: a verified copy of every store, while the service runs."""

import os
from argparse import Namespace
from pathlib import Path

import msgspec

from ops.commands.output import put
from ops.desk.outcome import Exit
from ops.past.backup import Manifest, back_up
from ops.past.folders import accounts, data_dir

OWNER_ONLY = 0o077


def run(args: Namespace) -> int:
    """Copy, verify, and say where the copy is."""
    os.umask(OWNER_ONLY)
    data = data_dir(args)
    target, manifest = back_up(data, accounts(data), args.to)
    told = {"folder": str(target), **msgspec.to_builtins(manifest)}
    put(told, lambda _: rendered(target, manifest), as_json=args.json)
    return Exit.OK


def rendered(target: Path, manifest: Manifest) -> list[str]:
    """Return what was copied as lines for people."""
    lines = [f"{target}: {len(manifest.accounts)} accounts, each copied and verified"]
    lines += [
        f"  account {one.account}: {one.records:,} records up to {one.newest or 'never'}, "
        f"{one.bytes / 1e6:.1f} MB"
        for one in manifest.accounts
    ]
    lines.append("  to restore: stop the service, and put these folders in the place of its own")
    return lines

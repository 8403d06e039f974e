"""`riskwarden verify`: whether what is on the disk is what was written."""

from argparse import Namespace

from ops.commands.output import put
from ops.desk.outcome import Exit
from ops.past.folders import accounts, data_dir, guarded, is_live
from ops.past.soundness import Soundness, inspect
from protocol.units import AccountId


def run(args: Namespace) -> int:
    """Look at one account's store or at all; a problem is exit code 1."""
    data = data_dir(args)
    live = is_live(data)
    chosen = accounts(data) if args.account is None else [AccountId(args.account)]
    found = [inspect(guarded(data, one), one, live=live) for one in chosen]
    nothing = [f"{data}: there is no account's store"]
    put(
        found,
        lambda stores: [line for one in stores for line in rendered(one)] or nothing,
        as_json=args.json,
    )
    return Exit.OK if all(one.sound for one in found) else Exit.EXCEPTION


def rendered(one: Soundness) -> list[str]:
    """Return what was found of a store as lines for people."""
    pages = "every page checked" if one.pages_checked else "pages not checked, a desk writes them"
    size = f"{one.bytes / 1e6:.1f} MB"
    verdict = "sound" if one.sound else "NOT SOUND"
    many = f"{one.records:,} records up to {one.newest or 'never'}, {one.states} states"
    lines = [
        f"account {one.account}: {verdict}; {many}, {size}, {pages}",
        f"  {one.lives} lives, a replay may begin at {one.beginnings} places",
        *(f"  PROBLEM {problem}" for problem in one.problems),
        *(f"  note: {note}" for note in one.notes),
    ]
    if not one.sound:
        lines.append(
            "  mend: start the service: it keeps the damaged store, rebuilds from the broker, and "
            "locks the account until its next reset; or stop it and restore a backup"
        )
    return lines

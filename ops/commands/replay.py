"""`riskwarden replay`: whether a day's journal still leads to the same decisions."""

import logging
from argparse import Namespace
from datetime import date

from actors.adapters.store import Store
from ops.commands.output import put
from ops.desk.outcome import Ended, Exit
from ops.past.folders import data_dir, reading
from ops.past.rerun import Rerun, Stretch, day_of, rerun, schedule_of
from protocol.codec import Recorded
from protocol.units import AccountId


def run(args: Namespace) -> int:
    """Run a day, or everything, again; differences are exit code 1."""
    logging.disable(logging.CRITICAL)  # actors that failed fail again
    with reading(data_dir(args), AccountId(args.account)) as store:
        stretch = Stretch() if args.whole else a_day(store, args.day)
        try:
            found = rerun(store, stretch)
        except ValueError as error:
            mend = "install the release that wrote it"
            raise Ended(Exit.EXCEPTION, f"account {args.account}: {error}", mend) from None
    put(found, rendered, as_json=args.json)
    return Exit.OK if found.same and found.turns else Exit.EXCEPTION


def a_day(store: Store, day: date | None) -> Stretch:
    """Return the trading day that is meant, the newest if none is named."""
    schedule = schedule_of(store)
    if schedule is None:
        what = f"account {store.account_id}: its journal has no start that a replay could begin at"
        raise Ended(Exit.EXCEPTION, what, "it is there once a desk of this release has started")
    if day is None:
        newest = store.beginnings()[-1][1]
        for _, record in store.replay(store.last_seq - 1):
            newest = record.now.wall if isinstance(record, Recorded) else newest
        return Stretch(schedule.previous(newest), schedule.following(newest))
    found = day_of(schedule, day)
    if found is None:
        what = f"{day} is no trading day of account {store.account_id}"
        raise Ended(Exit.CONFIGURATION, what, f"its days end at {schedule.at} in {schedule.zone}")
    return found


def rendered(found: Rerun) -> list[str]:
    """Return the result as lines for people."""
    if not found.turns:
        lines = [f"account {found.account}: nothing is written of that time"]
    else:
        span = f"{found.since} to {found.until}"
        by = f", written by {found.writer}" if found.release else ""
        many = f"{found.turns:,} turns, {found.records:,} records"
        lines = [f"account {found.account}, {span}{by}: {many} run again"]
    if found.skipped:
        lines.append(f"  {found.skipped:,} records lie before the first start and were left out")
    lines += [f"  GAP {gap}" for gap in found.gaps]
    for one in found.first:
        lines += [
            f"  DIFFERENT {one.at}, turn {one.turn}",
            f"    written:  {one.written or 'nothing'}",
            f"    now:      {one.repeated or 'nothing'}",
        ]
    left = found.differences - len(found.first)
    if left:
        lines.append(f"  and {left:,} more turns that differ")
    if found.turns:
        lines.append("  the same, bit for bit" if found.same else "  NOT the same")
    return lines

"""`riskwarden explain`: why an enforcement was, what it did, and whether it would be again."""

import logging
from argparse import Namespace

from ops.commands.output import put
from ops.desk.outcome import Ended, Exit
from ops.past.episode import Arithmetic, Episode, episode
from ops.past.facts import Asked, Before, Heard
from ops.past.folders import data_dir, reading
from protocol.units import AccountId


def run(args: Namespace) -> int:
    """Explain one enforcement; a decision that is not repeated is exit code 1."""
    logging.disable(logging.CRITICAL)  # actors that failed fail again
    number = args.enforcement.partition("/")[0]
    if not number.isdecimal():
        what = f"{args.enforcement} is no enforcement's name"
        mend = "write it as `riskwarden status` does, for example 1001/daily_realized_loss/1"
        raise Ended(Exit.CONFIGURATION, what, mend)
    with reading(data_dir(args), AccountId(int(number))) as store:
        found = episode(store, args.enforcement)
    put(found, rendered, as_json=args.json)
    return Exit.OK if found.rerun.same else Exit.EXCEPTION


def rendered(it: Episode) -> list[str]:
    """Return an enforcement as a report: what came, what was known, what followed."""
    lines = [f"{it.id}: {it.state}, requested {it.requested}", "", "shortly before"]
    lines += [_heard(one) for one in it.earlier]
    lines += ["", "input", *map(_heard, it.input)]
    lines += ["", "what the account knew", *_before(it.before)]
    lines += ["", "arithmetic", *_arithmetic(it.arithmetic)]
    lines += ["", "decisions", *(f"  +{one.after_ms:9.3f} ms  {one.text}" for one in it.decisions)]
    lines += ["", "commands", *(_command(one) for one in it.commands)]
    lines += ["", "proof"]
    if it.proof is None:
        lines.append("  none")
    else:
        reads = " and ".join(it.proof.reads)
        proof = f"  {it.proof.scope} as demanded at {it.proof.at}, shown by the reads {reads}"
        lines += [proof, f"  {it.proof.took_ms} ms after the request"]
    return [*lines, "", "run again", *_rerun(it)]


def _heard(one: Heard) -> str:
    return f"  {one.at} {one.actor} {one.kind}: {one.text}"


def _before(known: Before | None) -> list[str]:
    if known is None:
        return ["  cannot be told: the journal does not reach back far enough"]
    money = f"realized {known.realized or 'unknown'}, unrealized {known.unrealized or 'unknown'}"
    lines = [f"  trading day {known.day or 'not known yet'}, {money}, {known.phase}"]
    if not known.known:
        lines.append("  the broker's truth was not known")
    for one in known.positions:
        worth = f"{one.mark or 'no price'}, {one.unrealized or 'unknown'}"
        lines.append(f"  {one.size:+d} {one.contract} at {one.average}, then {worth}")
    lines += [f"  order {one}" for one in known.orders]
    lines += [
        f"  locked by {one.rule} ({one.scope}) until {one.until or 'its condition ends'}"
        for one in known.locks
    ]
    return lines


def _arithmetic(sum_: Arithmetic) -> list[str]:
    lines = [f"  {sum_.rule}: {sum_.why}"]
    if sum_.limit:
        lines.append(f"  used {sum_.used} of {sum_.limit}")
    settings = ", ".join(f"{key} = {value}" for key, value in sum_.settings.items())
    return [*lines, f"  settings: {settings}"] if settings else lines


def _command(one: Asked) -> str:
    took = "" if one.answered_ms is None else f" after {one.answered_ms - one.after_ms:.3f} ms"
    return f"  +{one.after_ms:9.3f} ms  {one.id} {one.command}: {one.answer}{took}"


def _rerun(it: Episode) -> list[str]:
    run = it.rerun
    lines = [f"  CANNOT: {gap}" for gap in run.gaps]
    for one in run.first:
        lines += [f"  DIFFERENT {one.at}", f"    written:  {one.written or 'nothing'}"]
        lines += [f"    now:      {one.repeated or 'nothing'}"]
    verdict = "the same decision, bit for bit" if run.same else "NOT the same"
    by = f", written by {run.writer}" if run.release else ""
    lines.append(f"  {verdict}: {run.turns:,} turns, {run.records:,} records{by}")
    if it.same_decision and not run.same:
        lines.append("  the request itself is the same: only what came before or after it differs")
    return lines

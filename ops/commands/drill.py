"""`riskwarden drill`: break a rule on purpose, and measure how fast it is undone here."""

import asyncio
import sys
from argparse import Namespace
from collections.abc import Coroutine
from typing import Any

from config.load import load
from ops.commands.output import put
from ops.desk.outcome import Ended, Exit
from ops.rehearsal.drill import Drilled, Tell
from ops.rehearsal.interrupt import interruptible
from ops.rehearsal.practice import Stage, chosen
from ops.rehearsal.service import refuse_beside
from ops.rehearsal.stages import look, on_account, on_simulator

SIM_ROUNDS, PRACTICE_ROUNDS = 10, 1
FLAG = "--yes-place-orders-on"
STATIONS = {
    "frame_to_decision": "frame to decision",
    "decision_to_request": "decision to request, the lock on the disk",
    "request_to_answer": "request to answer",
    "answer_to_proof": "answer to flat proof",
    "frame_to_request": "frame to request: what this machine adds",
    "frame_to_proof": "frame to flat proof",
}


def run(args: Namespace) -> int:
    """Drill; 0 only if everything was enforced."""
    drilled = simulator(args) if args.account is None else practice(args)
    put(drilled, rendered, as_json=args.json)
    return Exit.OK if drilled.is_enforced else Exit.EXCEPTION


def simulator(args: Namespace) -> Drilled:
    """Drill on the simulator."""
    if args.yes_place_orders_on is not None:
        what = f"{FLAG} goes with --account"
        raise Ended(Exit.CONFIGURATION, what, "without an account no real order is placed")
    return played(on_simulator(args.rounds or SIM_ROUNDS, teller(args)))


def practice(args: Namespace) -> Drilled:
    """Drill on a practice account, once that is confirmed."""
    loaded = load(args.config)
    refuse_beside(loaded, "stop it first: two sessions of one login throw each other out")
    account, login = chosen(loaded, args.account)
    found = asyncio.run(look(loaded, account, login))
    rounds = args.rounds or PRACTICE_ROUNDS
    confirm(found, rounds, args.yes_place_orders_on)
    return played(on_account(loaded, account, login, rounds, teller(args)))


def played(play: Coroutine[Any, Any, Drilled]) -> Drilled:
    """Play a drill, which an interrupt ends flat."""
    return asyncio.run(interruptible(play, "the drill", "the account is flat"))


def teller(args: Namespace) -> Tell:
    """Return where its progress is told: beside the JSON, not in it."""
    out = sys.stderr if args.json else sys.stdout
    return lambda text: print(text, file=out, flush=True)


def confirm(found: Stage, rounds: int, yes: str | None) -> None:
    """Raise Ended unless the account's name was given, or is typed now."""
    what = f"{rounds} market order{'s' * (rounds > 1)} of 1 {found.contract.name}"
    if yes is None and sys.stdin.isatty():
        where = f"on account {found.account} {found.name} at {found.gateway}"
        print(f"This places {what}, one after the other, {where},", file=sys.stderr)
        print("which the Gateway calls simulated. It ends flat.", file=sys.stderr)
        print("Type the account's name to go on: ", end="", file=sys.stderr, flush=True)
        yes = sys.stdin.readline().strip()
    if yes != found.name:
        said = "nobody has confirmed it" if yes is None else f"{yes} is not the account's name"
        mend = f"type {found.name}, or give {FLAG} {found.name}"
        raise Ended(Exit.CONFIGURATION, f"no order was placed: {said}", mend)


def rendered(drilled: Drilled) -> list[str]:
    """Return what came of it as lines for people."""
    lines = ["", f"{'milliseconds, ' + str(len(drilled.times)) + ' times':<44} median       max"]
    lines += [
        f"  {text:<42}{drilled.reaction[name].median:7.1f}   {drilled.reaction[name].max:7.1f}"
        for name, text in STATIONS.items()
        if name in drilled.reaction
    ]
    if drilled.wire_ms:
        wire = "from the simulator's wire to its receipt"
        lines.append(
            f"  {wire:<42}{drilled.wire_ms['median']:7.1f}   {drilled.wire_ms['max']:7.1f}"
        )
    lines += ["", *(f"{'yes' if kept else 'NO '}  {what}" for what, kept in drilled.held.items())]
    proof = drilled.certificate
    lines.append(
        f"certificate: account {proof.account} held nothing and had no working order at {proof.at},"
        f" by {proof.reads} reads {proof.apart_s:g} s apart"
    )
    return (
        [*lines, f"NOT ENFORCED: {drilled.why or 'see above'}"]
        if not drilled.is_enforced
        else lines
    )

"""One enforcement, from what set it off to the proof: gathered from the journal, and run again."""

from collections import deque
from typing import Any, NamedTuple

import msgspec

from actors.adapters.store import Store
from actors.model.account_state import State as AccountState
from actors.replay import Replay, ReplayError
from ops.desk.outcome import Ended, Exit
from ops.past.facts import Asked, Before, Heard, Proof, Told, asked, before, heard, told
from ops.past.progress import Progress
from ops.past.rerun import Rerun, beginning, journal_turns
from protocol.answers import Answered, TruthFailed, TruthRead
from protocol.codec import Recorded
from protocol.decisions import (
    EnforcementConfirmed,
    EnforcementFailing,
    EnforcementMerged,
    EnforcementRequested,
    EnforcementWithdrawn,
    VerdictChanged,
)
from protocol.lifecycle import Snapshot
from protocol.units import AccountId, Now, RuleName
from protocol.words import instant_text

type Turn = list[Recorded]
OF_IT = (EnforcementConfirmed, EnforcementFailing, EnforcementMerged, EnforcementWithdrawn)
EARLIER = 5
"""Inputs before the one that set it off that are shown."""
BULKY = (Snapshot,)
OVER = (EnforcementConfirmed, EnforcementWithdrawn)


class Arithmetic(msgspec.Struct, kw_only=True):
    """What the rule compared: its settings, its figures, and its words."""

    rule: str
    settings: dict[str, Any]
    limit: str
    used: str
    why: str


class Episode(msgspec.Struct, kw_only=True):
    """Everything that the journal says of one enforcement."""

    id: str
    account: int
    rule: str
    requested: str
    state: str = "under way"
    earlier: list[Heard]
    """What the account heard shortly before: a breach may wait to be confirmed."""
    input: list[Heard]
    before: Before | None = None
    arithmetic: Arithmetic
    decisions: list[Told] = msgspec.field(default_factory=list[Told])
    commands: list[Asked] = msgspec.field(default_factory=list[Asked])
    proof: Proof | None = None
    rerun: Rerun
    same_decision: bool = False
    """Whether the turn of the request came out as it is written, whatever others did."""


def episode(store: Store, enforcement: str) -> Episode:
    """Find an enforcement and run what led to it again; raise Ended if there is none."""
    found = _find(store, enforcement)
    if found is None:
        what = f"account {store.account_id}: no enforcement {enforcement} is in the journal"
        mend = "`riskwarden status` lists them; an older one may have been taken away by now"
        raise Ended(Exit.CONFIGURATION, what, mend)
    began, turns, earlier = found
    first = turns[0]
    request = next(one.message for one in first if _is_request(one, enforcement))
    assert isinstance(request, EnforcementRequested)
    start = first[0].now
    whole = Episode(
        id=enforcement,
        account=store.account_id,
        rule=request.rule,
        requested=instant_text(start.wall),
        earlier=[heard(one) for one in earlier],
        input=[heard(one) for one in first if one.entered],
        arithmetic=Arithmetic(rule=request.rule, settings={}, limit="", used="", why=request.why),
        rerun=Rerun(account=store.account_id),
    )
    _tell(whole, turns, request, start)
    _rerun(whole, store, began, turns)
    return whole


def _is_request(record: Recorded, enforcement: str) -> bool:
    message = record.message
    return isinstance(message, EnforcementRequested) and message.enforcement_id == enforcement


class Found(NamedTuple):
    """An enforcement: its first turn's number, its turns, and what was heard before."""

    seq: int
    turns: list[Turn]
    earlier: Turn


def _find(store: Store, enforcement: str) -> Found | None:
    """Return the last enforcement of this name."""
    progress = Progress("looking for it", store.last_seq)
    found: Found | None = None
    is_open = False
    recent: deque[Recorded] = deque(maxlen=EARLIER)
    for seq, turn in journal_turns(store, 0):
        progress.at(seq)
        if any(_is_request(one, enforcement) for one in turn):
            found, is_open = Found(seq, [], list(recent)), True
        recent += [one for one in turn if one.entered and not isinstance(one.message, BULKY)]
        if found is None or not is_open:
            continue
        found.turns.append(turn)
        is_open = not any(
            isinstance(one.message, OVER) and one.message.enforcement_id == enforcement
            for one in turn
        )
    progress.done()
    return found


def _tell(whole: Episode, turns: list[Turn], request: EnforcementRequested, start: Now) -> None:
    """Take the decisions, the commands with their answers, and the proof."""
    scope = {goal.contract_id for goal in request.goals}
    by_id: dict[str, Asked] = {}
    for number, turn in enumerate(turns):
        for record in turn:
            message = record.message
            match message:
                case Answered() | TruthRead() | TruthFailed() if message.command_id in by_id:
                    by_id[message.command_id].answered(record, start)
                case EnforcementConfirmed() | EnforcementWithdrawn() if (
                    message.enforcement_id == whole.id
                ):
                    whole.state = "withdrawn"
                    if isinstance(message, EnforcementConfirmed):
                        whole.state, whole.proof = "confirmed", Proof.of(message)
                case VerdictChanged() if number == 0 and message.rule == request.rule:
                    whole.arithmetic.limit, whole.arithmetic.used = message.limit, message.used
                case _:
                    pass
            if not record.entered and record.actor.endswith("/enforcer"):
                command = asked(record, start, scope)
                if command is not None:
                    whole.commands.append(command)
                    by_id[command.id] = command
            ours = isinstance(message, OF_IT) and message.enforcement_id == whole.id
            if not record.entered and (ours or number == 0):
                line = told(record, start)
                whole.decisions += [line] if line is not None else []


def _rerun(whole: Episode, store: Store, request: int, turns: list[Turn]) -> None:
    """Run the journal again up to the end of it; take from there what the account knew."""
    replay, found = Replay(AccountId(whole.account)), whole.rerun
    first, last = turns[0], turns[-1]
    after = beginning(store, first[0].now.wall)
    try:
        for seq, turn in journal_turns(store, after):
            if turn == first:
                _know(whole, replay)
            difference = replay.take(turn)
            found.took(turn)
            if difference is not None:
                found.differs(difference)
            if seq >= request and turn == first:
                whole.same_decision = difference is None
                _judge(whole, replay)
            if seq >= request and turn == last:
                break
    except (ReplayError, ValueError) as error:
        found.gaps.append(str(error))
    finally:
        replay.close()


def _know(whole: Episode, replay: Replay) -> None:
    state = replay.states.get(replay.tree)
    if isinstance(state, AccountState):
        whole.before = before(state)


def _judge(whole: Episode, replay: Replay) -> None:
    """Take the rule's figures as they are after its judgement."""
    state = replay.states.get(replay.tree)
    if isinstance(state, AccountState) and whole.rule in state.plan.rules:
        settings = state.plan.rules[RuleName(whole.rule)]
        whole.arithmetic.settings = msgspec.to_builtins(settings)
    judged = replay.states.get(f"{replay.tree}/rule/{whole.rule}")
    if judged is not None:
        whole.arithmetic.limit, whole.arithmetic.used = judged.limit, judged.used

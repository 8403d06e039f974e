"""The lockout actor: the set of an account's locks, each keyed by its scope and rule.

Setting a lock again may make it longer or harder, never shorter.  Ending one leaves the others.
There is no command that unlocks: a lock ends by its instant, by schedule, or by a broker state.
The set is kept through restarts and told to the account first thing, before the broker is even
asked.

A lock ends when the Gateway's clock says so too.  Until the account has heard of it none ends: a
clock that was set forward while nobody looked ends nothing.
"""

from typing import Any

import msgspec

from actors.behaviour import Step
from actors.model.account_state import adds
from protocol.decisions import LockEnded, LockSet
from protocol.effects import PARENT, Effect, Journal, Send
from protocol.lockouts import (
    CertifyLock,
    EndLock,
    Lock,
    LockKind,
    LockRequest,
    LocksChanged,
    SetLock,
)
from protocol.message import Message
from protocol.schedule import Clock, ClockSkewed, Purpose, StartTimer, TimerFired
from protocol.units import AccountId, Nanos, Now, RuleName

TIMER = "lockout/end"
LOCKS_MAX = 256
CONDITIONAL = (LockKind.CONDITION, LockKind.SYMBOL, LockKind.PAUSE)
"""What a state of the broker, or of the configuration, may end."""


class Kept(msgspec.Struct, frozen=True):
    """Every lock in force."""

    locks: tuple[Lock, ...] = ()


class State(msgspec.Struct, frozen=True):
    """The locks, and how far the wall clock is ahead of the Gateway's; None if nobody has said."""

    kept: Kept = Kept()
    ahead: Nanos | None = None

    @property
    def locks(self) -> tuple[Lock, ...]:
        """Return every lock in force."""
        return self.kept.locks


class Lockout:
    """One account's locks."""

    kept = Kept

    def __init__(self, account_id: AccountId) -> None:
        self._account_id = account_id

    def begin(self, kept: Any, now: Now) -> Step[State]:  # noqa: ARG002
        """Re-assert what was locked; what ran out meanwhile ends as the clock is known."""
        state = State(kept if kept is not None else Kept())
        return Step(state, announce(state))

    def handle(self, state: State, message: Message, now: Now) -> Step[State]:
        """Lock, lock longer, certify, or let run out."""
        match message:
            case SetLock():
                return self._set(state, message, now)
            case CertifyLock():
                return certify(state, message)
            case EndLock():
                return release(state, message)
            case TimerFired(purpose=Purpose.LOCK_END):
                return expire(state, now)
            case ClockSkewed(ahead=ahead):
                return expire(State(state.kept, ahead), now)
            case _:
                return Step(state)

    def keep(self, state: State) -> Kept:
        """Keep every lock."""
        return state.kept

    def _set(self, state: State, message: SetLock, now: Now) -> Step[State]:
        request = message.request
        if request.until is not None and past(state, request.until, now):
            return Step(state)  # it would be over before it began
        old = find(state, request.scope, message.rule)
        lock = Lock(
            account_id=self._account_id,
            rule=message.rule,
            kind=request.kind,
            scope=request.scope,
            reason=message.reason,
            since=now.wall,
            until=request.until,
        )
        if old is not None:
            if not adds(old, request):
                return Step(state)
            until = later(old.until, request)
            same = old.kind is request.kind  # another kind asks for another proof
            certified = old.certified if same else None
            lock = msgspec.structs.replace(lock, since=old.since, until=until, certified=certified)
        others = tuple(one for one in state.locks if one.key != lock.key)
        assert len(others) < LOCKS_MAX, f"more than {LOCKS_MAX} locks"
        after = holding(state, (*others, lock))
        return Step(after, (Journal(LockSet(lock=lock)), *announce(after)))


def past(state: State, until: Nanos, now: Now) -> bool:
    """Tell whether an instant has come, also by the Gateway's clock; unknown, it says that none."""
    return state.ahead is not None and until <= now.wall - state.ahead


def holding(state: State, locks: tuple[Lock, ...]) -> State:
    """Return the state with these locks instead."""
    return State(Kept(locks), state.ahead)


def later(held: Nanos | None, request: LockRequest) -> Nanos | None:
    """Return the later of two ends; None has no end and is later than any instant."""
    if held is None or request.until is None:
        return None
    return max(held, request.until)


def find(state: State, scope: str | None, rule: RuleName) -> Lock | None:
    """Return the lock with this key."""
    return next((one for one in state.locks if one.key == (scope, rule)), None)


def certify(state: State, message: CertifyLock) -> Step[State]:
    """Note when the scope of a rule's locks was first proven flat."""
    locks = tuple(
        msgspec.structs.replace(one, certified=message.at)
        if one.rule == message.rule and one.certified is None
        else one
        for one in state.locks
    )
    if locks == state.locks:
        return Step(state)
    after = holding(state, locks)
    return Step(after, (Send(PARENT, LocksChanged(locks=locks)),))


def release(state: State, message: EndLock) -> Step[State]:
    """End the locks of a rule that waited for a condition; one that has an instant keeps it."""
    over = [
        one
        for one in state.locks
        if one.rule == message.rule
        and one.kind in CONDITIONAL
        and one.until is None
        and one.scope not in message.standing
    ]
    if not over:
        return Step(state)
    after = holding(state, tuple(one for one in state.locks if one not in over))
    ended = tuple(Journal(LockEnded(lock=one, why=message.why)) for one in over)
    return Step(after, (*ended, *announce(after)))


def expire(state: State, now: Now) -> Step[State]:
    """End the locks whose instant has come, also by the Gateway's clock."""
    if state.ahead is None:
        return Step(state)  # the account will say, and then it is looked at again
    over = [one for one in state.locks if one.until is not None and past(state, one.until, now)]
    after = holding(state, tuple(one for one in state.locks if one not in over))
    ended = tuple(Journal(LockEnded(lock=one, why="its time has come")) for one in over)
    return Step(after if over else state, (*ended, *announce(after)))


def announce(state: State) -> tuple[Effect, ...]:
    """Tell the account its locks, and set the timer to the next end."""
    effects: list[Effect] = [Send(PARENT, LocksChanged(locks=state.locks))]
    ends = [one.until for one in state.locks if one.until is not None]
    if ends:
        deadline = Nanos(min(ends) + (state.ahead or 0))
        timer = StartTimer(
            name=TIMER, purpose=Purpose.LOCK_END, clock=Clock.WALL, deadline=deadline
        )
        effects.append(Send("timer", timer))
    return tuple(effects)

"""The gateway actor: the connection's state, the order of start-up, and the polls.

Start-up: log in, have every account read its truth and judge it, open the hubs, have every account
read again what happened in between, arm.  An account that does not answer holds up nobody else.

The stream may drop or lie, so the truth is read again after every gap and, as a matter of course,
on a schedule.  Who is read when, so that it fits the request budget, is said in
actors/model/readings.py.
"""

from typing import Any

from msgspec.structs import replace

from actors.behaviour import Step
from actors.gateway_state import Hubs, State, clear, raise_, read_on, resync, unlisted
from actors.model.readings import Reading, interval
from protocol.account_facts import AccountSeen
from protocol.answers import (
    AccountsFailed,
    AccountsRead,
    HubsLost,
    HubsOpened,
    LoggedIn,
    LoginFailed,
    Refused,
)
from protocol.commands import Login, OpenHubs, ReadAccounts
from protocol.decisions import AlarmKind
from protocol.effects import Ask, Effect, Send, Wake
from protocol.lifecycle import AccountFound, Arm, Burden, Died, Evaluated
from protocol.message import Message
from protocol.schedule import ClockJumped, ClockSkewed, Tick
from protocol.units import SECOND, AccountId, Nanos, Now

READING_MAX = 1 * SECOND
"""How long the hubs wait for accounts that have not read their truth yet."""
RETRY = 1 * SECOND
RETRY_MAX = 15 * SECOND
DOUBLINGS_MAX = 4
PEACE = 60 * SECOND
"""How long hubs must have been open before a fight for the login counts as over."""


class Gateway:
    """One login's connection."""

    kept = None

    def __init__(self, accounts: tuple[AccountId, ...]) -> None:
        self._accounts = accounts

    def begin(self, kept: Any, now: Now) -> Step[State]:  # noqa: ARG002
        """Log in."""
        return Step(State(), (Ask(Login()),))

    def keep(self, state: State) -> None:
        """Keep nothing: a connection is of one process."""

    def handle(self, state: State, message: Message, now: Now) -> Step[State]:
        """Take one step of start-up, or of keeping in touch."""
        match message:
            case LoggedIn():
                return self._logged_in(state, message, now)
            case LoginFailed(why=why):
                return self._failed(state, why, now)
            case Evaluated(account_id=account_id):
                return self._evaluated(state, account_id)
            case HubsOpened(spent=spent):
                return self._opened(state, spent, now)
            case HubsLost():
                return self._lost(state, message, now)
            case AccountsRead(accounts=accounts, spent=spent):
                return self._polled(state, accounts, spent, now)
            case AccountsFailed():
                return self._unlisted(state, message, now)
            case Refused():
                readings = state.readings.missed(state.found, gap=False)
                return read_on(replace(state, readings=readings), now)
            case Died(name=name):
                return self._again(state, AccountId(int(name.split("/")[1])), now)
            case Burden():
                return self._weighed(state, message, now)
            case Tick():
                return self._tick(state, now)
            case ClockSkewed():
                return Step(replace(state, ahead=message))
            case ClockJumped() if state.logged_in:  # as after a sleep: look at once
                return Step(state, (Ask(ReadAccounts()),))
            case _:
                return Step(state)

    def _logged_in(self, state: State, message: LoggedIn, now: Now) -> Step[State]:
        """Take who is listed; hubs that could not be opened before the login are tried again."""
        said: tuple[Effect, ...] = ()
        if not state.logged_in:  # else an earlier life asked, and ours may retry the hubs
            state = replace(state, logged_in=True, fails=0, retry_at=None)
            if state.hubs is Hubs.LOST:
                at = Nanos(now.mono + RETRY)
                state, said = replace(state, retry_at=at), (Wake(mono=at),)
        state, cleared = clear(state)
        state = replace(state, readings=state.readings.reported(message.spent, now))
        return self._listed(state, message.accounts, now, (*said, *cleared))

    def _failed(self, state: State, why: str, now: Now) -> Step[State]:
        state, raised = raise_(state, AlarmKind.CANNOT_ENFORCE, None, why)
        return self._retry(state, raised, now)

    def _lost(self, state: State, message: HubsLost, now: Now) -> Step[State]:
        """Say that nothing is heard, and whose fault it is if somebody else took the session."""
        fight: tuple[Effect, ...] = ()
        if message.contested:
            state, fight = raise_(state, AlarmKind.LOGIN_CONTESTED, None, message.why)
        state, raised = raise_(state, AlarmKind.HUBS_LOST, None, message.why)
        retry = state.hubs is Hubs.OPENING
        told = tuple(Send(f"account/{one}", message) for one in state.found)
        said = (*fight, *raised, *told)
        if state.hubs is Hubs.OPEN:  # all are read anew as they open
            state = replace(state, readings=state.readings.lost())
        if state.hubs is not Hubs.CLOSED:  # or an earlier life asked for them: ours still will
            state = replace(state, hubs=Hubs.LOST)
        return self._retry(state, said, now) if retry else Step(state, said)

    def _retry(self, state: State, said: tuple[Effect, ...], now: Now) -> Step[State]:
        span = min(RETRY << min(state.fails, DOUBLINGS_MAX), RETRY_MAX)
        at = Nanos(now.mono + span)
        state = replace(state, fails=state.fails + 1, retry_at=at)
        return Step(state, (*said, Wake(mono=at)))

    def _listed(
        self, state: State, accounts: tuple[AccountSeen, ...], now: Now, said: tuple[Effect, ...]
    ) -> Step[State]:
        """Send the accounts that were found to their actors; a missing one is an alarm."""
        listed = {one.account_id: one for one in accounts}
        found = {one: listed[one] for one in self._accounts if one in listed}
        effects: list[Effect] = [*said]
        new = tuple(one for one in found if one not in state.found)
        for one in self._accounts:
            if one in found:
                news = AccountFound(seen=found[one]) if one in new else found[one]
                effects.append(Send(f"account/{one}", news))
                state, cleared = clear(state, (AlarmKind.ACCOUNT_MISSING, one))
                effects += cleared
                continue
            why = f"the Gateway does not list account {one} under this login"
            state, raised = raise_(state, AlarmKind.ACCOUNT_MISSING, one, why)
            effects += raised
        readings = state.readings.missed(new, gap=True)
        everybody = {**state.found, **found}
        state = replace(state, found=everybody, readings=readings, listed_at=now.mono)
        if new:  # each of them says what is at stake before its turn is decided on
            state = replace(state, catch_up_at=now.mono)
            effects.append(Wake(mono=now.mono))
        if state.hubs is Hubs.CLOSED and state.open_at is None and found:
            state = replace(state, open_at=Nanos(now.mono + READING_MAX))
            effects.append(Wake(mono=state.open_at))
        if state.poll_at is None:  # hubs that never open, or an empty list, must not leave us blind
            state = replace(state, poll_at=Nanos(now.mono + interval(len(state.found))))
            effects.append(Wake(mono=state.poll_at))
        return Step(state, tuple(effects))

    def _evaluated(self, state: State, account_id: AccountId) -> Step[State]:
        if account_id not in state.found:
            return Step(state)  # meant for an earlier life: it will be found, and say so again
        state = replace(state, readings=state.readings.ended(account_id))
        if state.readings.waiting.get(account_id):
            return Step(state)  # that was read before the gap
        state = replace(state, evaluated=state.evaluated | {account_id})
        if state.hubs is Hubs.OPEN:
            return Step(state, (Send(f"account/{account_id}", Arm()),))
        if state.hubs is Hubs.CLOSED and state.evaluated >= set(state.found):
            return self._open(state)
        return Step(state)

    def _open(self, state: State) -> Step[State]:
        state = replace(state, hubs=Hubs.OPENING, open_at=None)
        return Step(state, (Ask(OpenHubs(accounts=tuple(state.found))),))

    def _weighed(self, state: State, burden: Burden, now: Now) -> Step[State]:
        """Take what is at stake in an account; one that waits may be read now."""
        readings = state.readings.weighed(burden.account_id, burden.requests, locked=burden.locked)
        state = replace(state, readings=readings)
        if not state.readings.waiting:
            return Step(state)
        return read_on(state, now, all_heard=False)

    def _opened(self, state: State, spent: int, now: Now) -> Step[State]:
        """Events are heard from now on: read what happened before."""
        state, cleared = clear(state, (AlarmKind.HUBS_LOST, None))
        poll = Nanos(now.mono + interval(len(state.found)))
        state = replace(state, hubs=Hubs.OPEN, opened=now.mono, evaluated=frozenset())
        state = replace(state, fails=0, retry_at=None, poll_at=poll)
        readings = state.readings.lost().reported(spent, now).missed(state.found, gap=True)
        state = replace(state, readings=readings)
        return read_on(state, now, (*cleared, Wake(mono=poll)))

    def _polled(
        self, state: State, accounts: tuple[AccountSeen, ...], spent: int, now: Now
    ) -> Step[State]:
        state, cleared = clear(state, (AlarmKind.TRUTH_UNKNOWN, None))
        if state.hubs is Hubs.OPEN and now.mono - state.opened >= PEACE:
            state, over = clear(state, (AlarmKind.LOGIN_CONTESTED, None))
            cleared = (*cleared, *over)
        step = self._listed(state, accounts, now, cleared)
        state = replace(step.state, readings=step.state.readings.reported(spent, now))
        if state.readings.waiting:
            return read_on(state, now, step.effects)
        readings, polls = state.readings.polled(tuple(state.found), now)
        return Step(replace(state, readings=readings), (*step.effects, *map(resync, polls)))

    def _unlisted(self, state: State, failed: AccountsFailed, now: Now) -> Step[State]:
        """Read on without a list: the accounts may well be there to be read."""
        state, said = unlisted(state, failed, now)
        state = replace(state, readings=state.readings.reported(failed.spent, now))
        if state.readings.waiting:
            return read_on(state, now, said)
        readings, polls = state.readings.overdue(tuple(state.found), now)
        return Step(replace(state, readings=readings), (*said, *map(resync, polls)))

    def _again(self, state: State, account_id: AccountId, now: Now) -> Step[State]:
        """Bring a restarted account up to where the others are.

        The hub may have said since that it may not trade, so what the list said of that is old, and
        so is what one says that was asked for before now.
        Of the clocks it must hear first, or locks and days would end by ours alone.
        """
        to = f"account/{account_id}"
        told = () if state.ahead is None else (Send(to, state.ahead),)
        if account_id not in state.found:
            return Step(state, told)
        seen = replace(state.found[account_id], can_trade=None, asked=Nanos(now.mono - 1))
        state = replace(state, readings=state.readings.begun(account_id, now))
        read = resync(Reading(account_id, gap=True))
        return Step(state, (*told, Send(to, AccountFound(seen=seen)), read, Ask(ReadAccounts())))

    def _tick(self, state: State, now: Now) -> Step[State]:
        effects: list[Effect] = []
        if state.retry_at is not None and state.retry_at <= now.mono:
            state = replace(state, retry_at=None)
            if not state.logged_in:
                effects.append(Ask(Login()))
            else:
                step = self._open(state)
                state, effects = step.state, [*effects, *step.effects]
        if state.open_at is not None and state.open_at <= now.mono:
            step = self._open(state)
            state, effects = step.state, [*effects, *step.effects]
        if state.poll_at is not None and state.poll_at <= now.mono:
            poll = Nanos(now.mono + interval(len(state.found)))
            state = replace(state, poll_at=poll)
            effects += [Ask(ReadAccounts()), Wake(mono=poll)]
        if state.catch_up_at is not None and state.catch_up_at <= now.mono:
            step = read_on(replace(state, catch_up_at=None), now)
            state, effects = step.state, [*effects, *step.effects]
            if state.readings.waiting and not any(isinstance(one, Ask) for one in effects):
                effects.append(Ask(ReadAccounts()))
        return Step(state, tuple(effects))

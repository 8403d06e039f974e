"""How an account knows its sessions, and that their calendars do not run out unnoticed.

Plain functions on the account's state, used by actors/account.py alone.
"""

from msgspec.structs import replace

from actors.account_reads import Learnt, alarm, clear
from actors.model.account_state import State, gateway_wall
from actors.model.calendar import ALARM_DAYS, Calendar, Horizon
from protocol.decisions import AlarmKind
from protocol.effects import Effect, Send
from protocol.schedule import Clock, Purpose, StartTimer
from protocol.units import Now

TIMER = "account/calendar"


def watched(state: State, now: Now) -> Learnt:
    """Raise the alarm of calendars that end, and look again when one changes."""
    plan, kind = state.plan, AlarmKind.CALENDAR_ENDS
    calendars = () if plan.hours is None else plan.hours.calendars
    ending = [one for one in calendars if one.horizon(now.wall) is not Horizon.AHEAD]
    if ending:
        state, said = alarm(plan, state, kind, "; ".join(told(one, now) for one in ending))
    else:
        state, said = clear(plan.account_id, state, kind)
    changes = [one.horizon_changes(now.wall) for one in calendars]
    due = min((one for one in changes if one is not None), default=None)
    effects: list[Effect] = [*said]
    if due is not None:
        timer = StartTimer(name=TIMER, purpose=Purpose.CALENDAR, clock=Clock.WALL, deadline=due)
        effects.append(Send("timer", timer))
    return state, tuple(effects)


def in_session(state: State, now: Now) -> State:
    """Return the state with the beginning of the account's last session, if a rule says when.

    Fills are counted from it, so it goes by the clock that dates them: the Gateway's.
    """
    hours = state.plan.hours
    session = None if hours is None else hours.account.began(gateway_wall(state, now))
    return state if session == state.session else replace(state, session=session)


def told(calendar: Calendar, now: Now) -> str:
    """Say what is wrong with a calendar, and how to mend it."""
    mend = "install a newer one, then restart"
    if calendar.horizon(now.wall) is Horizon.OUTSIDE:
        return (
            f"the calendar {calendar.name} reaches from {calendar.valid_from} to "
            f"{calendar.valid_to} only: no session is known now, and nothing may be held; {mend}"
        )
    return (
        f"the calendar {calendar.name} ends with {calendar.valid_to}, within {ALARM_DAYS} days; "
        f"after it nothing may be held: {mend}"
    )

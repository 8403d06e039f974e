"""What may surprise in an account's sessions: calendars that end, products they do not know."""

from actors.model.calendar import ALARM_DAYS, Calendar, Horizon
from actors.model.sessions import Timetable
from actors.model.trading_hours import TradingHours
from actors.rules import session_block_outside as sessions
from config.errors import Problem, bare, dotted
from config.read import Steps
from config.schema import AccountConfig, ServiceConfig
from protocol.units import Nanos


def session_warnings(account: AccountConfig) -> list[tuple[Steps, str, str, str]]:
    """Return where, what, why and how to mend it, of sessions that never come or may be wrong."""
    params = account.rules.get(sessions.NAME)
    if not isinstance(params, sessions.Params):
        return []
    path = (*where(account), sessions.NAME)
    found: list[tuple[Steps, str, str, str]] = []
    tables: dict[Steps, Timetable] = {(): params.hours.account}
    tables |= {("instruments", bare(one)): it for one, it in params.hours.products.items()}
    for place, table in tables.items():
        if not table.spans:
            what = f"no window is ever open while {table.calendar.name} is"
            why = "the account is locked all the time"
            found.append(((*path, *place, "windows"), what, why, "correct the times or the zone"))
    for pattern, table in params.hours.products.items():
        if "*" not in pattern and not table.calendar.knows(pattern):
            what = f"the calendar {table.calendar.name} does not list {bare(pattern)}"
            why = "its exchange may have other holidays"
            mend = "name a calendar that lists it here"
            found.append(((*path, "instruments", bare(pattern)), what, why, mend))
    return found


def calendar_warnings(config: ServiceConfig, file: str, now: Nanos) -> tuple[Problem, ...]:
    """Return the calendars that have run out by now, or soon will."""
    found: list[Problem] = []
    for account in config.accounts:
        for hours in (one.hours for one in account.rules.values() if one.hours is not None):
            path = dotted((*where(account), sessions.NAME, "calendar"))
            found += [
                Problem(file=file, key=path, what=what, why=WHY, mend=MEND)
                for what in ending(hours, now)
            ]
    return tuple(found)


WHY = "past its end no session is known, and what is not known is not open"
MEND = "install a newer calendar in time"


def ending(hours: TradingHours, now: Nanos) -> list[str]:
    """Say of each calendar that ends how far it still reaches."""
    near = [one for one in hours.calendars if one.horizon(now) is not Horizon.AHEAD]
    return [reach(one, now) for one in near]


def reach(calendar: Calendar, now: Nanos) -> str:
    """Say how far a calendar reaches."""
    if calendar.horizon(now) is Horizon.OUTSIDE:
        dates = f"{calendar.valid_from} to {calendar.valid_to}"
        return f"the calendar {calendar.name} does not know today, only {dates}"
    return f"the calendar {calendar.name} ends on {calendar.valid_to}, within {ALARM_DAYS} days"


def where(account: AccountConfig) -> Steps:
    """Return the path of an account's rules."""
    return ("accounts", f"[{account.label}]", "rules")

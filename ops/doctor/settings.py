"""The configuration, its secrets, its calendars and zones: what can be known without a network."""

from importlib.metadata import version
from pathlib import Path

from actors.model import budget
from actors.model.duration import duration_text
from actors.model.readings import POLL_BATCH, TRADES_EVERY, poll_round
from actors.rules import no_stop_loss_grace, trade_management
from config.check_sessions import calendar_warnings
from config.errors import ConfigError, Problem, printable
from config.load import Loaded, load
from config.schema import ServiceConfig
from config.secrets import Credentials, credentials, notify_secrets
from ops.desk.plans import accounts_of
from ops.doctor.finding import Checked, fine, note, problem, unknown, warning
from ops.notify.apprise_target import AppriseTarget
from protocol.units import SECOND, Nanos
from protocol.words import instant_text

SLOW_ROUND = 60 * SECOND
REFUSED = "the service does not start, or a reload changes nothing"


def read(file: Path) -> tuple[Loaded | None, list[Checked]]:
    """Read the configuration; without one there is little else to look at."""
    try:
        loaded = load(file)
    except ConfigError as error:
        return None, [refused("configuration", one) for one in error.problems]
    many = f"accounts: {len(loaded.config.accounts)}, logins: {len(loaded.logins)}"
    return loaded, [
        fine("configuration", f"{loaded.file}: {many}"),
        *(warned("configuration", one) for one in loaded.warnings),
    ]


def secrets_of(loaded: Loaded) -> tuple[dict[str, Credentials], list[Checked]]:
    """Fetch every login's secrets."""
    try:
        resolved = credentials(loaded)
    except ConfigError as error:
        return {}, [refused("secrets", one) for one in error.problems]
    open_files = [warned("secrets", one) for one in resolved.warnings]
    told = fine("secrets", "every login has its user name and its key")
    return resolved.logins, open_files or [told]


def notices(loaded: Loaded) -> list[Checked]:
    """Look whether anybody is told when nobody looks."""
    config = loaded.config.notify
    try:
        secrets = notify_secrets(config, loaded.file)
    except ConfigError as error:
        return [refused("notices", one) for one in error.problems]
    if not secrets.urls and secrets.heartbeat is None:
        mend = "set [notify] urls and heartbeat_url, then `riskwarden notify test`"
        return [note("notices", "nobody is told of locks, failures or a dead machine", mend)]
    why = "nobody would hear of a lock or a failure"
    found = [
        problem("notices", f"{one.name}: {told}", why, "correct the secret, or install the extra")
        for number, url in enumerate(secrets.urls, start=1)
        if (told := (one := AppriseTarget(url, number)).refusal())
    ]
    if secrets.heartbeat is None:
        mend = "set heartbeat_url to the address of a dead-man monitor"
        found.append(note("notices", "nobody notices when this machine is gone", mend))
    return found or [fine("notices", "`riskwarden notify test` shows whether they arrive")]


def calendars(loaded: Loaded, now: Nanos) -> list[Checked]:
    """Look how far the calendars reach."""
    ending = calendar_warnings(loaded.config, str(loaded.file), now)
    told = fine("calendars", "every calendar in use reaches beyond the next 60 days")
    return [warned("calendars", one) for one in ending] or [told]


def zones(config: ServiceConfig, now: Nanos) -> list[Checked]:
    """Say when each account's day ends, by the zone rules that are installed."""
    ends = [
        f"{account.label} at {instant_text(account.reset.following(now))} ({account.reset.zone})"
        for account in config.accounts
    ]
    return [fine("zone data", f"tzdata {version('tzdata')}; next resets: {', '.join(ends)}")]


def requests(config: ServiceConfig) -> list[Checked]:
    """Say how much of the minute's requests the accounts' polls take."""
    found: list[Checked] = []
    for login in config.logins:
        count = len(accounts_of(config, login.name))
        if not count:
            continue
        every = poll_round(count)
        reads = budget.TRUTH + (budget.DAY - budget.TRUTH) / TRADES_EVERY
        spent = round(count * reads * budget.WINDOW / every)
        each = f"each of {count} accounts is read every {duration_text(every)}"
        text = f"login {login.name}: {each}, some {spent} of {budget.LIMIT} requests a minute"
        if every > SLOW_ROUND or spent > budget.LIMIT - budget.RESERVED:
            why = f"what the stream loses is found by these reads only; {POLL_BATCH} go at a time"
            mend = "divide the accounts over several logins, if your firm allows it"
            found.append(warning("request budget", text, why, mend))
        else:
            found.append(fine("request budget", text))
    return found


def brackets(config: ServiceConfig) -> list[Checked]:
    """Say what is to be looked at by hand: the Gateway does not tell how brackets are set."""
    places = [
        account.label
        for account in config.accounts
        if {no_stop_loss_grace.NAME, trade_management.NAME} & account.rules.keys()
    ]
    why = "in Auto OCO mode the stops of an entry are orders that riskwarden sees at once; in "
    why += "position mode the platform may move or replace them, and no answer says which it is"
    rules = f"; it matters most to the rules about stops, of {', '.join(places)}" if places else ""
    mend = f"look at the platform's risk settings of each account{rules}"
    return [unknown("bracket mode", "the Gateway does not say how brackets are set", why, mend)]


def refused(check: str, one: Problem) -> Checked:
    """Return a problem of the configuration as a check."""
    place = printable(one.file) + (f", line {one.line}" if one.line else "")
    what = ": ".join(text for text in (place, one.key, one.what) if text)
    return problem(check, what, one.why or REFUSED, one.mend or "correct the file")


def warned(check: str, one: Problem) -> Checked:
    """Return a warning about the configuration as a check."""
    return warning(check, f"{one.key}: {one.what}", one.why, one.mend)

"""The metrics: one vocabulary for the desks that count and the guardian that publishes.

A desk counts with plain integers and sends what it has, since its process began, up the pipe; what
an account or a process is at this moment the guardian reads off its status.  Labels take few
values: logins, accounts and rules of the configuration, kinds of this code.  `login` is put first
by the guardian, for a desk knows of no other.
"""

from enum import StrEnum

import msgspec

SECONDS_SHORT = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
SECONDS_LONG = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0)
DOLLARS = (1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0)


class Shape(StrEnum):
    """What may happen to a figure: it only grows, it goes up and down, or it is a distribution."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(msgspec.Struct, frozen=True, eq=False):
    """One metric; two are never equal, so that they are cheap to look up."""

    name: str
    shape: Shape
    text: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


class Series(msgspec.Struct, frozen=True, array_like=True):
    """One figure of a metric, under the values of its labels."""

    name: str
    labels: tuple[str, ...]
    value: float


class Bars(msgspec.Struct, frozen=True, array_like=True):
    """One distribution: how many fell at or below each bound, and above the last, each alone."""

    name: str
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    total: float


class Figures(msgspec.Struct, frozen=True):
    """Everything a desk counted since its process began."""

    series: tuple[Series, ...] = ()
    bars: tuple[Bars, ...] = ()


METRICS: dict[str, Metric] = {}
"""Every metric there is, by name."""


def is_counter(name: str) -> bool:
    """Tell whether a name stands for what only grows."""
    return name in METRICS and METRICS[name].shape is Shape.COUNTER


def _metric(
    shape: Shape, name: str, text: str, *labels: str, bounds: tuple[float, ...] = ()
) -> Metric:
    found = Metric(f"riskwarden_{name}", shape, text, labels, bounds)
    METRICS[found.name] = found
    return found


def _counter(name: str, text: str, *labels: str) -> Metric:
    return _metric(Shape.COUNTER, f"{name}_total", text, *labels)


def _gauge(name: str, text: str, *labels: str) -> Metric:
    return _metric(Shape.GAUGE, name, text, *labels)


def _histogram(name: str, text: str, bounds: tuple[float, ...], *labels: str) -> Metric:
    return _metric(Shape.HISTOGRAM, name, text, *labels, bounds=bounds)


LOGIN, ACCOUNT = ("login",), ("login", "account")
RULE = ("login", "account", "rule")

# What comes in.
EVENTS = _counter("events", "Messages taken from the intake.", *LOGIN, "kind")
REFUSED = _counter("refused", "Payloads that decode would not accept.", *LOGIN, "event", "reason")
DUPLICATES = _counter("duplicates", "Facts that told nothing new.", *LOGIN, "kind")
QUOTES_DROPPED = _counter("quotes_dropped", "Quotes given up because too much waited.", *LOGIN)
INTAKE_DEPTH = _gauge("intake_depth", "Most messages waiting since the report before.", *LOGIN)
INTAKE_WAIT = _histogram(
    "intake_wait_seconds",
    "How long the oldest message of a burst waited to be taken.",
    SECONDS_SHORT,
    *LOGIN,
)
FEED = _gauge(
    "account_feed",
    "1 for how an account hears: live, gap (it is read again), blind.",
    *ACCOUNT,
    "state",
)
PRICES_IGNORED = _counter("prices_ignored", "Prices not believed.", *LOGIN, "reason")
TRUTH_AGE = _gauge("truth_age_seconds", "Age of the newest read of broker truth.", *ACCOUNT)
QUOTE_AGE = _gauge(
    "quote_age_seconds", "Age of the oldest quote among the contracts held.", *ACCOUNT
)

# What is decided.
EVALUATIONS = _counter("evaluations", "Judgements of a rule.", *LOGIN, "rule")
BREACHES = _counter("breaches", "Rules that became breached.", *RULE)
WOULD_HAVE = _counter("would_have", "Breaches of rules in shadow mode.", *RULE)
LOCKS = _counter("locks", "Locks set or made longer.", *RULE)
ATTEMPTS = _counter("attempts_while_locked", "Exposure that appeared under a lock.", *ACCOUNT)
RESETS = _counter("resets", "Trading days that ended.", *ACCOUNT)
ALARMS_RAISED = _counter("alarms_raised", "Alarms raised.", *LOGIN, "kind")
CHECKPOINT = _counter("checkpoint", "Passages of the eight checkpoints.", *LOGIN, "checkpoint")
OVERSHOOT = _histogram(
    "overshoot_usd",
    "Dollars past a limit when its breach was told, and once the account was proven flat.",
    DOLLARS,
    *LOGIN,
    "rule",
    "at",
)

# What is done about it.
ENFORCEMENTS = _counter("enforcements", "Steps of enforcements.", *RULE, "state")
TIME_TO_FLAT = _histogram(
    "time_to_flat_seconds", "From a request to enforce to its proof.", SECONDS_LONG, *LOGIN, "rule"
)
DECISION = _histogram(
    "decision_seconds",
    "From the turn of an input to the release of its requests, commit included.",
    SECONDS_SHORT,
    *LOGIN,
)

# The Gateway.
COMMANDS = _counter("commands", "Reads and deeds asked of the Gateway.", *LOGIN, "command", "how")
COMMAND_TIME = _histogram(
    "command_seconds", "From a command to its answer.", SECONDS_LONG, *LOGIN, "command"
)
REST_REQUESTS = _counter("rest_requests", "REST requests sent.", *LOGIN)
REST_ANSWERS = _counter("rest_answers", "REST answers by HTTP status.", *LOGIN, "code")
REST_BUDGET = _gauge("rest_budget_left", "Requests left of the minute's allowance.", *LOGIN)
HUB_LOSSES = _counter("hub_losses", "Times that a hub was lost.", *LOGIN)
HUB_RECONNECTS = _counter("hub_reconnects", "Times that the hubs were opened again.", *LOGIN)
HUB_PING = _gauge("hub_ping_seconds", "The newest round trip over both hubs.", *LOGIN)
CLOCK_SKEW = _gauge(
    "clock_skew_seconds", "This clock minus the Gateway's, within half a second.", *LOGIN
)

# The disk.
COMMIT = _histogram("commit_seconds", "Durable transactions.", SECONDS_SHORT, *LOGIN)
JOURNAL_PENDING = _gauge("journal_pending", "Batches that wait for the disk.", *LOGIN)
JOURNAL_AGE = _gauge("journal_oldest_seconds", "Age of the oldest of these batches.", *LOGIN)
STORES_FAILING = _gauge(
    "stores_failing", "Accounts of which nothing reaches the disk: it refuses.", *LOGIN
)

# How things stand: read off the status by the guardian.
ALARMS = _gauge("alarms", "Alarms that stand.", *LOGIN, "kind")
ACCOUNT_STATE = _gauge("account_state", "1 for the state an account is in.", *ACCOUNT, "state")
ACCOUNT_GUARDED = _gauge("account_guarded", "1 while all is well: armed, and heard of.", *ACCOUNT)
ACCOUNT_LOCKED = _gauge("account_locked", "1 while a lock is in force.", *ACCOUNT)
LOCKOUTS = _gauge("lockouts", "Locks in force by rule.", *RULE)
REALIZED = _gauge("account_realized_usd", "The day's realized P&L, where known.", *ACCOUNT)
UNREALIZED = _gauge("account_unrealized_usd", "Open P&L, where known.", *ACCOUNT)
LEDGER_DRIFT = _gauge(
    "ledger_drift_usd",
    "By how much the balance moved away from what the day's trades realized.",
    *ACCOUNT,
)
CONTRACTS = _gauge("account_contracts", "Contracts held, long and short.", *ACCOUNT)
RULE_ARMED = _gauge(
    "rule_armed", "1 for a rule that protects, 0 for one that lacks something.", *RULE
)
RULE_UNKNOWN = _gauge("rule_unknown", "1 for a rule that cannot judge just now.", *RULE)
REMAINING = _gauge("rule_remaining_usd", "Dollars left before a limit; negative past it.", *RULE)
LIMIT = _gauge("rule_limit_usd", "A limit in dollars.", *RULE)
UNPROVEN = _gauge(
    "enforcement_unproven_seconds", "Age of the oldest enforcement without its proof.", *ACCOUNT
)
HUBS_OPEN = _gauge("hubs_open", "1 while both hubs are connected.", *LOGIN)
DESK_UP = _gauge("desk_up", "1 while the desk's process runs and is heard.", *LOGIN)
DESK_RESTARTS = _counter("desk_restarts", "Ends of the desk's process.", *LOGIN)
DESK_GAVE_UP = _gauge("desk_gave_up", "1 while the desk is only tried now and then.", *LOGIN)
HEARTBEAT = _gauge("heartbeat_timestamp_seconds", "When the desk was last heard.", *LOGIN)
GUARDIAN_HEARTBEAT = _gauge("guardian_heartbeat_timestamp_seconds", "When this was written.")
BUILD = _gauge("build_info", "1, with the version.", "version")

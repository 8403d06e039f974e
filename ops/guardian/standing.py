"""How accounts and desks stand, as figures: read off the same status that people see.

Of a desk that is not heard only what still holds is told: that it is down, which locks there were,
and what was not proven yet.  Its money and its prices are left out, for they would be old.
"""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from actors.model.feed import FeedState
from ops.desk.meters import is_automation, meter
from ops.guardian.guardian import Guardian
from ops.guardian.totals import Key
from ops.guardian.watch import Watch
from protocol import metrics
from protocol.control import AccountStatus, FeedStatus, RuleStatus
from protocol.lifecycle import Phase
from protocol.metrics import Bars, Metric, Series

STATES = (*(phase.value for phase in Phase), "blind", "last_resort", "missing", "stale", "down")
OPEN = "open"
STEPS = ("requested", "confirmed", "failed")
OUTSTANDING = frozenset({"requested", "failing"})


def standing(guardian: Guardian) -> tuple[list[Series], list[Bars]]:
    """Return every figure of the service."""
    series = [
        Series(metrics.GUARDIAN_HEARTBEAT.name, (), time.time()),
        Series(metrics.BUILD.name, (release(),), 1),
    ]
    bars: list[Bars] = []
    for watch in guardian.watches:
        now = guardian.now()
        fresh = watch.is_fresh(now)
        series += _desk(watch, now)
        counted: dict[Key, float] = {}
        for account in watch.accounts(now):
            series += _account(account, watch.login, fresh=fresh)
            counted |= dict.fromkeys(_zeros(account), 0.0)
        for one in watch.totals.all():
            if fresh or metrics.is_counter(one.name):
                counted[one.name, one.labels] = one.value
        series += [
            Series(name, (watch.login, *labels), value) for (name, labels), value in counted.items()
        ]
        bars += [
            Bars(one.name, (watch.login, *one.labels), one.counts, one.total)
            for one in watch.totals.bars()
        ]
    return series, bars


def release() -> str:
    """Return the version that is installed."""
    try:
        return version("riskwarden")
    except PackageNotFoundError:
        return "unknown"


def _desk(watch: Watch, now: float) -> Iterator[Series]:
    fresh, desk = watch.is_fresh(now), watch.desk(now)
    figures: list[tuple[Metric, float]] = [
        (metrics.DESK_UP, fresh),
        (metrics.DESK_RESTARTS, watch.restarts),
        (metrics.DESK_GAVE_UP, watch.gave_up is not None),
        (metrics.HUBS_OPEN, fresh and desk.hubs == OPEN),
    ]
    if fresh and desk.ping_ms is not None:
        figures.append((metrics.HUB_PING, desk.ping_ms / 1_000))
    silent = watch.silence(now)
    if silent != float("inf"):
        figures.append((metrics.HEARTBEAT, time.time() - silent))
    for metric, value in figures:
        yield Series(metric.name, (watch.login,), float(value))


def _account(one: AccountStatus, login: str, *, fresh: bool) -> Iterator[Series]:
    who = (login, named(one))
    for state in {*STATES, one.state}:
        yield Series(metrics.ACCOUNT_STATE.name, (*who, state), float(one.state == state))
    guarded = fresh and one.state == Phase.ARMED.value
    yield Series(metrics.ACCOUNT_GUARDED.name, who, float(guarded))
    yield Series(metrics.ACCOUNT_LOCKED.name, who, float(one.locked))
    locks = Counter(lock.rule for lock in one.lockouts)
    for rule in {*(rule.rule for rule in one.rules), *locks}:
        yield Series(metrics.LOCKOUTS.name, (*who, rule), locks[rule])
    yield Series(metrics.UNPROVEN.name, who, unproven(one))
    yield Series(metrics.CONTRACTS.name, who, sum(held.size for held in one.positions))
    if not fresh:
        return
    for metric, money in (
        (metrics.REALIZED, one.realized),
        (metrics.UNREALIZED, one.unrealized),
    ):
        if money is not None:
            yield Series(metric.name, who, float(money))
    if one.feed is not None:
        yield from _feed(one.feed, who)
    for judged in one.rules:
        yield from _rule(judged, who)


def _feed(feed: FeedStatus, who: tuple[str, str]) -> Iterator[Series]:
    for state in FeedState:
        yield Series(metrics.FEED.name, (*who, state.value), float(feed.state == state.value))
    if feed.truth_age_s is not None:
        yield Series(metrics.TRUTH_AGE.name, who, feed.truth_age_s)


def _rule(rule: RuleStatus, who: tuple[str, str]) -> Iterator[Series]:
    labels = (*who, rule.rule)
    yield Series(metrics.RULE_ARMED.name, labels, float(not rule.lacks))
    yield Series(metrics.RULE_UNKNOWN.name, labels, float(rule.unknown is not None))
    money = meter(rule.limit, rule.used)
    if money is not None:
        yield Series(metrics.LIMIT.name, labels, money.limit)
        yield Series(metrics.REMAINING.name, labels, money.left)


def _zeros(one: AccountStatus) -> Iterator[Key]:
    """Yield what has not happened to an account yet: a first time must be an increase."""
    who = named(one)
    yield metrics.ATTEMPTS.name, (who,)
    yield metrics.RESETS.name, (who,)
    for rule in one.rules:
        yield metrics.BREACHES.name, (who, rule.rule)
        yield metrics.LOCKS.name, (who, rule.rule)
        for state in STEPS:
            yield metrics.ENFORCEMENTS.name, (who, rule.rule, state)


def named(one: AccountStatus) -> str:
    """Return what an account is called in labels: its number, or its name while that is all."""
    return str(one.id) if one.id is not None else one.name


def unproven(one: AccountStatus) -> float:
    """Return for how long the oldest enforcement waits for its proof; 0 when none does."""
    since = [
        datetime.fromisoformat(each.requested).timestamp()
        for each in one.enforcements
        if each.state in OUTSTANDING and not is_automation(each.rule)
    ]
    return max(0.0, time.time() - min(since)) if since else 0.0

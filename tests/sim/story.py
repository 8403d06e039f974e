"""What is at stake in a run: its accounts, their rules, and the hour at which it begins."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from random import Random

from msgspec.structs import replace

from actors.model.frequency import Count as Counted
from actors.model.round_trips import Basis
from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rules import (
    RULES,
    auth_loss_guard,
    cooldown_after_loss,
    daily_realized_loss,
    daily_realized_profit,
    daily_unrealized_loss,
    max_contracts,
    max_contracts_per_instrument,
    max_unrealized_profit,
    no_stop_loss_grace,
    session_block_outside,
    symbol_blocks,
    trade_frequency_limit,
    trade_management,
)
from actors.rules.rule import Mode, RuleParams
from config.calendars import load_shipped
from protocol.market_facts import MarkSource
from protocol.units import SECOND, AccountId, Nanos, RuleName
from tests.sim.broker import ACCOUNT
from tests.sim.twists import PARTS, SHARES, Twists

CALENDAR = replace(
    load_shipped("cme_equity"), valid_from=date(2026, 11, 2), valid_to=date(2026, 12, 31)
)
NOON = Nanos(1_795_456_800 * SECOND)
"""Monday, 23 November 2026, noon in Chicago."""
HOUR = 3_600 * SECOND
SEEDS = 100
"""Among so many runs every twist is found."""


def count(random: Random) -> RuleParams:
    return max_contracts.Params(
        limit=random.randint(2, 5),
        count=random.choice(tuple(max_contracts.Count)),
        on_breach=random.choice(tuple(max_contracts.OnBreach)),
        mode=mode(random),
    )


def per_product(random: Random) -> RuleParams:
    return max_contracts_per_instrument.Params(
        limits={"mnq": random.randint(0, 4), "ES": random.randint(1, 4)},
        unknown_symbol=random.choice(("block", "allow", "limit:2")),
        on_breach=random.choice(tuple(max_contracts_per_instrument.OnBreach)),
        mode=mode(random),
    )


def loss(random: Random) -> RuleParams:
    limit = Decimal(-random.choice((60, 150, 400, 1_500)))
    return daily_realized_loss.Params(limit=limit, combined=random.random() < 0.8)


def profit(random: Random) -> RuleParams:
    target = Decimal(random.choice((60, 150, 400, 1_500)))
    return daily_realized_profit.Params(
        target=target, combined=random.random() < 0.8, mode=mode(random)
    )


def open_loss(random: Random) -> RuleParams:
    return daily_unrealized_loss.Params(
        limit=Decimal(-random.choice((30, 80, 250))),
        scope=random.choice(tuple(daily_unrealized_loss.Scope)),
    )


def open_profit(random: Random) -> RuleParams:
    return max_unrealized_profit.Params(target=Decimal(random.choice((30, 80, 250))))


def frequency(random: Random) -> RuleParams:
    return trade_frequency_limit.Params(
        per_minute=random.randint(2, 12),
        per_hour=random.choice((None, 10, 25)),
        count=random.choice(tuple(Counted)),
        trigger=random.choice(tuple(trade_frequency_limit.When)),
        cooldown_minute=random.choice(("3s", "20s", "5m")),
        flatten=random.random() < 0.2,
        mode=mode(random),
    )


def after_loss(random: Random) -> RuleParams:
    return cooldown_after_loss.Params(
        tiers={"3s": Decimal(-10), random.choice(("30s", "5m")): Decimal(-60)},
        basis=random.choice(tuple(Basis)),
        flatten=random.random() < 0.6,
        mode=mode(random),
    )


def stops(random: Random) -> RuleParams:
    return no_stop_loss_grace.Params(
        grace=random.choice(("1s", "4s", "12s", "10m")),
        unknown_timeout=random.choice(("1s", "10s")),
        full_coverage=random.random() < 0.5,
        on_unknown=random.choice(tuple(no_stop_loss_grace.OnUnknown)),
        mode=mode(random),
    )


def authority(random: Random) -> RuleParams:
    return auth_loss_guard.Params(mode=mode(random))


def blocked(random: Random) -> RuleParams:
    return symbol_blocks.Params(symbols=random.choice((("es",), ("MNQ",), ("E*", "QQX"))))


def sessions(random: Random) -> RuleParams:
    return session_block_outside.Params(
        calendar=CALENDAR,
        no_new_exposure=random.choice(("10s", "10m")),
        flatten_before_end=random.choice(("0s", "5s")),
    )


def management(random: Random) -> RuleParams:
    return trade_management.Params(
        trigger_ticks=random.choice((4, 10)),
        activation_ticks=random.choice((6, 20)),
        distance_ticks=random.choice((3, 10)),
        min_interval=random.choice(("1s", "5s")),
        auto_stop_ticks=random.choice((None, 12, 40)),
        mode=mode(random),
    )


RULEBOOK: dict[RuleName, Callable[[Random], RuleParams]] = {
    max_contracts.NAME: count,
    max_contracts_per_instrument.NAME: per_product,
    daily_realized_loss.NAME: loss,
    daily_realized_profit.NAME: profit,
    daily_unrealized_loss.NAME: open_loss,
    max_unrealized_profit.NAME: open_profit,
    trade_frequency_limit.NAME: frequency,
    cooldown_after_loss.NAME: after_loss,
    no_stop_loss_grace.NAME: stops,
    auth_loss_guard.NAME: authority,
    symbol_blocks.NAME: blocked,
    session_block_outside.NAME: sessions,
    trade_management.NAME: management,
}
"""How each rule is drawn: tight enough to be broken in a minute."""


def mode(random: Random) -> Mode:
    return random.choices((Mode.ENFORCE, Mode.SHADOW), (9, 1))[0]


def plans_of(random: Random) -> tuple[AccountPlan, ...]:
    """Return one to three accounts, each with some of the rules or with all of them."""
    number = random.choices((1, 2, 3), (5, 3, 1))[0]
    return tuple(plan_of(random, AccountId(ACCOUNT + one)) for one in range(number))


def plan_of(random: Random, account_id: AccountId = ACCOUNT) -> AccountPlan:
    """Return an account with some of the rules."""
    share = random.choice((1.0, 0.5, 0.5, 0.2))
    rules = {name: draw(random) for name, draw in RULEBOOK.items() if random.random() < share}
    return AccountPlan(
        account_id=account_id,
        name=f"practice {account_id}",
        mode=mode(random),
        mark=random.choice(tuple(MarkSource)),
        reset=ResetSchedule(),
        rules=rules or {max_contracts.NAME: count(random)},
    )


def start_of(random: Random, plan: AccountPlan) -> Nanos:
    """Return an hour far from every end, or some seconds before the session's or the day's."""
    before = random.randrange(2, 28) * SECOND
    match random.choices(("noon", "session", "day"), (6, 1, 2))[0]:
        case "session":
            return Nanos(NOON + 4 * HOUR - before)
        case "day":
            return Nanos(plan.reset.following(NOON) - before)
        case _:
            return NOON


def missing() -> set[str]:
    """Return the rules and the twists that no run would ever have."""
    drawn = {name for seed in range(SEEDS) for name in Twists(seed).names}
    return (set(RULES) - set(RULEBOOK)) | (set(SHARES) - drawn) | (set(SHARES) ^ set(PARTS))

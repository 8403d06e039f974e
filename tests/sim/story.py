"""What is at stake in a run: the account's rules, and the hour at which it begins."""

from decimal import Decimal
from random import Random

from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rules import daily_realized_loss, daily_unrealized_loss, max_contracts
from actors.rules.rule import Mode, RuleParams
from protocol.market_facts import MarkSource
from protocol.units import SECOND, Nanos, RuleName
from tests.sim.broker import ACCOUNT

NOON = Nanos(1_795_456_800 * SECOND)
"""Monday, 23 November 2026, noon in Chicago."""


def plan_of(random: Random) -> AccountPlan:
    """Return an account with some of the rules, tight enough to be broken in a minute."""
    mode = random.choices((Mode.ENFORCE, Mode.SHADOW), (9, 1))
    rules: dict[RuleName, RuleParams] = {
        max_contracts.NAME: max_contracts.Params(
            limit=random.randint(2, 5),
            count=random.choice(tuple(max_contracts.Count)),
            on_breach=random.choice(tuple(max_contracts.OnBreach)),
            mode=random.choices((Mode.ENFORCE, Mode.SHADOW), (9, 1))[0],
        ),
        daily_realized_loss.NAME: daily_realized_loss.Params(
            limit=Decimal(-random.choice((60, 150, 400, 1_500))),
            combined=random.random() < 0.8,
        ),
        daily_unrealized_loss.NAME: daily_unrealized_loss.Params(
            limit=Decimal(-random.choice((30, 80, 250))),
            scope=random.choice(tuple(daily_unrealized_loss.Scope)),
        ),
    }
    left_out = random.choice((None, None, *rules))
    return AccountPlan(
        account_id=ACCOUNT,
        name="practice",
        mode=mode[0],
        mark=random.choice(tuple(MarkSource)),
        reset=ResetSchedule(),
        rules={name: params for name, params in rules.items() if name != left_out},
    )


def start_of(random: Random, plan: AccountPlan) -> Nanos:
    """Return an hour far from the end of the trading day, or some seconds before it."""
    if random.random() < 2 / 3:
        return NOON
    return Nanos(plan.reset.following(NOON) - random.randrange(2, 38) * SECOND)

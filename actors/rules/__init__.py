"""The rules.  To add one: write its file, then add one line here."""

from actors.rules import (
    daily_realized_loss,
    daily_realized_profit,
    daily_unrealized_loss,
    max_contracts,
    max_unrealized_profit,
    no_stop_loss_grace,
)
from actors.rules.rule import AnyRule
from protocol.units import RuleName

RULES: dict[RuleName, AnyRule] = {
    rule.name: rule
    for rule in (
        max_contracts.RULE,
        daily_realized_loss.RULE,
        daily_unrealized_loss.RULE,
        max_unrealized_profit.RULE,
        no_stop_loss_grace.RULE,
        daily_realized_profit.RULE,
    )
}

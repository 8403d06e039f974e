"""The rules.  To add one: write its file, then add one line here."""

from actors.rules import (
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
from actors.rules.rule import AnyRule
from protocol.units import RuleName

RULES: dict[RuleName, AnyRule] = {
    rule.name: rule
    for rule in (
        max_contracts.RULE,
        max_contracts_per_instrument.RULE,
        daily_realized_loss.RULE,
        daily_unrealized_loss.RULE,
        max_unrealized_profit.RULE,
        no_stop_loss_grace.RULE,
        session_block_outside.RULE,
        auth_loss_guard.RULE,
        symbol_blocks.RULE,
        trade_frequency_limit.RULE,
        cooldown_after_loss.RULE,
        trade_management.RULE,
        daily_realized_profit.RULE,
    )
}

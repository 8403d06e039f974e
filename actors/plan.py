"""What a desk is to run: its accounts and their rules, as the configuration asks for them."""

import msgspec

from actors.model.schedule import ResetSchedule
from actors.rules.rule import Mode, RuleParams
from protocol.market_facts import MarkSource
from protocol.units import AccountId, RuleName


class AccountPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One account: how it is valued, when its day ends, and the rules that are enabled."""

    account_id: AccountId
    name: str
    mode: Mode = Mode.ENFORCE
    mark: MarkSource = MarkSource.LAST
    include_fees: bool = True
    reset: ResetSchedule
    rules: dict[RuleName, RuleParams]

    def shadowed(self, rule: RuleName) -> bool:
        """Tell whether a rule only says what it would have done."""
        return Mode.SHADOW in (self.mode, self.rules[rule].mode)

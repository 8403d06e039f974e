"""I7: what an account must notice of its own hearing, and on what it may not act.

A price that is old while something is held makes the account blind, and that is said; one print
alone locks no account.  What was told is known from the doors, not from the actors.
"""

from typing import TYPE_CHECKING

import msgspec

from actors.account_feed import FEED
from actors.model import account_state
from actors.model.confirm import UNCONFIRMED
from actors.model.feed import OnBlind
from actors.plan import AccountPlan
from actors.rules import daily_realized_loss, daily_realized_profit
from actors.rules.rule import Mode
from protocol.decisions import AlarmKind, LockSet
from protocol.enforcement import Aim
from protocol.units import SECOND, USD, ContractId, Price, RuleName
from tests.sim.broker import gain

if TYPE_CHECKING:
    from tests.sim.invariants import Invariants

LATE = 3 * SECOND
"""From the limit of an age until the account has looked: a sweep, and a bit."""
LIMITS = (daily_realized_loss.NAME, daily_realized_profit.NAME)
"""The rules by which prices may end a day."""
TRUE_PRICES = 9
"""The last prices of a contract that were told: any of them may be what it goes by."""


class Heard(msgspec.Struct):
    """What a life was told of a contract's price."""

    at: int = 0
    """When the last one came that could be believed, on its stopwatch."""
    true: list[Price] = []
    """The last of those that were true."""
    misprint: int | None = None
    """When a wrong one came, unless another price has come since."""


class Hearing:
    """Watches what one account hears."""

    def __init__(self, watch: "Invariants") -> None:
        self._watch = watch
        self._held: dict[ContractId, int] = {}
        """Since when each contract is held, as far as this life of the account knows."""
        self._doubted: dict[RuleName, int] = {}
        """When each limit was last said to be crossed in doubt, a second price being awaited."""

    def begins(self) -> None:
        """Forget what a life before had seen."""
        self._held = {}
        self._doubted = {}

    def buried(self, rule: RuleName) -> None:
        """Note that a rule died, and its doubt with it."""
        self._doubted.pop(rule, None)

    def doubts(self, account: account_state.State) -> None:
        """Note which limits are crossed in doubt; one that began before goes on until its end."""
        for rule in LIMITS:
            verdict = account.verdicts.get(rule)
            self.doubted(rule, None if verdict is None else verdict.unknown, account.plan)

    def doubted(self, rule: RuleName, unknown: str | None, plan: AccountPlan) -> None:
        """Note what a judgement does not know, also one that another overtakes in its turn."""
        now, since = self._watch.kernel.now().mono, self._doubted.get(rule)
        if unknown == UNCONFIRMED and (since is None or now - since >= plan.feed.confirm_span):
            self._doubted[rule] = now

    def judge(self, account: account_state.State) -> None:
        """Demand that the account says so when it has been blind for a while."""
        now, life = self._watch.kernel.now().mono, self._watch.kernel.life
        assert life is not None
        if account.feed.lapses:
            self._watch.kernel.happened.add("blind")
        rows = account.book.rows if account.known else {}
        self._held = {one: self._held.get(one, now) for one in rows}
        for contract_id, since in self._held.items():
            heard = life.heard.get(contract_id)
            at = since if heard is None else max(since, heard.at)
            if now - at > account.plan.feed.quote_span + LATE:
                self._blind(account, contract_id, now - at)

    def misprinted(self, contract_id: ContractId) -> None:
        """Note that a wrong price was told of something that is held, by which a day may end."""
        confirmed = self._watch.plan.feed.confirm_span and contract_id in self._held
        if confirmed and any(one in self._watch.plan.rules for one in LIMITS):
            self._watch.kernel.happened.add("misprint")

    def _blind(self, account: account_state.State, contract_id: ContractId, age: int) -> None:
        watch, plan = self._watch, account.plan
        what = f"I7 {contract_id} has had no price for {age / SECOND:.1f} s"
        watch.demand(AlarmKind.FEED_BLIND in account.alarms, f"{what}, and nobody says so")
        if plan.mode is Mode.SHADOW:
            return
        if plan.feed.on_blind is OnBlind.PAUSE:
            paused = any(one.rule == FEED for one in account.locks)
            watch.demand(paused, f"{what}, and all goes on")
        enforcer = watch.enforcer()
        if plan.feed.on_blind is OnBlind.FLATTEN and enforcer is not None:
            flat = any(
                goal.aim is Aim.FLATTEN and goal.contract_id in (None, contract_id)
                for one in enforcer.kept.demands
                for goal in one.goals
            )
            watch.demand(flat, f"{what}, and it is not closed")

    def sees(self) -> bool:
        """Tell whether there is a young price of all that is held: then a pause may end."""
        account, life = self._watch.account(), self._watch.kernel.life
        if account is None or life is None:
            return False
        now, span = self._watch.kernel.now().mono, account.plan.feed.quote_span
        rows = account.book.rows
        return account.known and all(
            one in life.heard and now - life.heard[one].at <= span for one in rows
        )

    def locks(self, said: LockSet, account: account_state.State, plan: AccountPlan) -> None:
        """Demand that no lock of a day's limit rests on one print that nothing has borne out."""
        params, life = plan.rules.get(said.lock.rule), self._watch.kernel.life
        assert life is not None
        realized = account.ledger.realized(include_fees=True)
        match params:
            case daily_realized_loss.Params(limit=limit, combined=True):
                sign, bound = 1, limit * USD
            case daily_realized_profit.Params(target=target, combined=True):
                sign, bound = -1, -target * USD
            case _:
                return
        now, worst, alone = self._watch.kernel.now().mono, sign * realized, []
        if self._twice(said.lock.rule, life.misprints, plan.feed.confirm_span):
            return
        for one in account.view.holdings:
            heard = life.heard.get(one.contract_id)
            worth = [sign * (one.unrealized or 0)]
            at = None if heard is None else heard.misprint
            if (
                heard is not None
                and heard.true
                and at is not None
                and now - at < plan.feed.confirm_span
            ):
                alone.append(one.contract_id)
                worth = [sign * gain(one.contract_id, one.size, one.average, price)
                         for price in heard.true]  # fmt: skip
            worst += min(worth)
        beyond = realized * sign <= bound or worst <= bound + USD
        self._watch.demand(beyond or not alone, f"I7 {said} rests on one print of {alone}")

    def _twice(self, rule: RuleName, misprints: list[int], span: int) -> bool:
        """Tell whether a second crossing bore a doubt out within the time to confirm (ADR 0015).

        A doubt begins when the rule finds the crossing, by a price that may have come before: as
        when the contract is bought after the wrong print.  That price was young then.  If there
        was no such print, it was true prices that crossed, and any other print bears them out.
        """
        since = self._doubted.get(rule)
        if since is None or self._watch.kernel.now().mono - since > span:
            return False
        young = [at for at in misprints if since - at < span]
        return len(young) > 1 or all(at > since for at in young)

"""What a desk is to run: its accounts and their rules, as the configuration asks for them."""

from functools import cached_property
from typing import Any

import msgspec
from msgspec.structs import replace

from actors.model.calendar import Calendar
from actors.model.feed import FeedPolicy
from actors.model.schedule import ResetSchedule
from actors.model.trading_hours import TradingHours
from actors.rules import RULES
from actors.rules.rule import Mode, RuleParams
from protocol.market_facts import MarkSource
from protocol.settings import KeptSettings, Settings
from protocol.units import AccountId, RuleName

NOT_KEYS = ("account_id", "name", "rules", "settings", "calendars")
"""Fields of a plan that are no keys of the account."""


class AccountPlan(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One account: how it is valued, when its day ends, and the rules that are enabled."""

    account_id: AccountId
    name: str
    mode: Mode = Mode.ENFORCE
    mark: MarkSource = MarkSource.LAST
    include_fees: bool = True
    feed: FeedPolicy = FeedPolicy()
    calendars: tuple[Calendar, ...] = ()
    """What is known of when exchanges are open."""
    reset: ResetSchedule
    rules: dict[RuleName, RuleParams]
    settings: KeptSettings | None = None
    """What is in force and what waits; None if it is this plan, and nothing waits."""

    @cached_property
    def hours(self) -> TradingHours | None:
        """The account's sessions, None if no rule says when they are."""
        return next((one.hours for one in self.rules.values() if one.hours is not None), None)

    def shadowed(self, rule: RuleName) -> bool:
        """Tell whether a rule only says what it would have done."""
        return Mode.SHADOW in (self.mode, self.rules[rule].mode)


def settings_of(plan: AccountPlan) -> Settings:
    """Return a plan's settings as plain tables, the very ones that the disk gives back."""
    bare = replace(plan, settings=None, calendars=())
    keys: dict[str, Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(bare))
    rules = keys["rules"]
    return Settings(
        account={key: value for key, value in keys.items() if key not in NOT_KEYS}, rules=rules
    )


def planned(settings: Settings, account_id: AccountId, name: str) -> AccountPlan:
    """Return the plan that these settings make; a rule that is not known any more is left out."""
    bare = {**settings.account, "account_id": account_id, "name": name, "rules": {}}
    rules = {
        rule: msgspec.convert(keys, RULES[rule].params)
        for rule, keys in settings.rules.items()
        if rule in RULES
    }
    return replace(msgspec.convert(bare, AccountPlan), rules=rules)


def plan_bytes(plan: AccountPlan) -> bytes:
    """Return a plan as the journal keeps it."""
    return msgspec.msgpack.encode(plan)


def read_plan(raw: bytes) -> AccountPlan:
    """Return the plan in these bytes; raise ValueError if this release cannot run it."""
    try:
        fields = msgspec.msgpack.decode(raw, type=dict[str, msgspec.Raw])
        written = msgspec.msgpack.decode(fields["rules"], type=dict[RuleName, msgspec.Raw])
        rules: dict[RuleName, RuleParams] = {
            name: msgspec.msgpack.decode(params, type=RULES[name].params)
            for name, params in written.items()
        }
        bare = msgspec.msgpack.encode({**fields, "rules": {}})
        plan = msgspec.msgpack.decode(bare, type=AccountPlan)
    except KeyError as error:
        raise ValueError(f"this release knows nothing of {error}, which the plan has") from error
    except (msgspec.MsgspecError, ValueError, TypeError, ArithmeticError, AssertionError) as error:
        raise ValueError(f"this release reads the plan otherwise: {error}") from error
    return msgspec.structs.replace(plan, rules=rules)

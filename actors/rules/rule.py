"""The shape of a rule, and nothing that any one rule needs."""

from collections.abc import Callable
from enum import Flag, StrEnum, auto
from functools import partial
from typing import Any, ClassVar, NamedTuple, Self

import msgspec

from actors.model.trading_hours import TradingHours
from actors.rules.stricter import Orders
from protocol.book import BookView
from protocol.enforcement import Breach, Priority
from protocol.market_facts import Trigger
from protocol.schedule import Clock
from protocol.units import Nanos, Now, RuleName


class Mode(StrEnum):
    """Whether breaches are enforced, or only journalled as "would have"."""

    ENFORCE = "enforce"
    SHADOW = "shadow"


class Hears(Flag):
    """What changed in the book: a rule is evaluated when it is one of those it hears.

    At start, after a gap, a reset or a reload every rule is evaluated, whatever it hears.
    """

    POSITIONS = auto()
    ORDERS = auto()
    LEDGER = auto()
    FILLS = auto()
    """The ledger too, and the view carries the day's trades."""
    PRICES = auto()
    CLOCK = auto()
    STANDING = auto()
    """Whether the account may trade."""


class RuleParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """A rule's settings as written under [accounts.rules.NAME]; money is in dollars.

    `__post_init__` raises ValueError("key: what is wrong, and how to mend it").  What follows from
    them alone is a `cached_property`: they are judged by thousands of times.
    """

    orders: ClassVar[Orders] = {}
    """Which values of a key are the stricter ones; changes of other keys wait for the reset."""
    mode: Mode = Mode.ENFORCE

    def stricter(self, wanted: Any) -> Self:
        """Return these settings with what is stricter in others; both are enforced."""
        values = {
            key: order(getattr(self, key), getattr(wanted, key))
            for key, order in self.orders.items()
        }
        return msgspec.structs.replace(self, **values)

    @property
    def products(self) -> tuple[tuple[str, str], ...]:
        """Return the products that are named, no patterns, each with the key that names it."""
        return ()

    @property
    def hours(self) -> TradingHours | None:
        """The account's sessions, if this is the rule that says when they are."""
        return None


class RuleState(msgspec.Struct, frozen=True):
    """A rule that judges the book alone keeps nothing; others extend this."""


class Wake(NamedTuple):
    """An instant on one of the clocks."""

    clock: Clock
    at: Nanos


class Judgement[S](msgspec.Struct, frozen=True):
    """A rule's view of one instant: its next state, its breaches, its figures, its triggers.

    `unknown` says what could not be judged and why: it is never "no breach".  `triggers` are the
    prices at which the rule wants to be asked again; they replace those it had.
    """

    state: S
    limit: str
    used: str
    breaches: tuple[Breach, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    unknown: str | None = None
    wake: Wake | None = None
    """When to be asked again although nothing happened; it replaces the earlier wish."""
    wants_truth: bool = False
    """Read positions and orders afresh, then ask again: the answer hangs on them."""
    at_once: bool = False
    """That read is enforcement's: without it the rule acts, whatever the minute has spent."""
    left: str = ""
    """What is left of the limit, for people; empty where there is nothing to subtract."""


class Rule[P: RuleParams, S: RuleState](NamedTuple):
    """A rule as data: what the registry, the actor, the documents and the tests read."""

    name: RuleName
    code: str
    params: type[P]
    state: type[S]
    hears: Hears
    decide: Callable[[P, S, BookView, Now], Judgement[S]]
    priority: Priority = Priority.POSITION
    """Of two rules that one input breaches, the more urgent is judged first and acts first."""
    arm: Callable[[P], Callable[[S, BookView, Now], Judgement[S]]] | None = None
    """Returns for one actor a `decide` that says the same, but remembers what it worked out."""

    def armed(self, params: P) -> Callable[[S, BookView, Now], Judgement[S]]:
        """Return what one actor judges by, under these settings."""
        return partial(self.decide, params) if self.arm is None else self.arm(params)


type AnyRule = Rule[Any, Any]

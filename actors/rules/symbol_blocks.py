"""RULE-011: keep out of the products that are not to be traded.

`symbols` names them by root, in any case and by any name (ES is EP), or by a pattern with `*`.  A
position or a working order in one of them is a breach: the product's orders are cancelled, its
positions closed, and a symbol lock is set over what the name or pattern covers.  Other products
are not touched.

The lock follows the configuration: it has no end of its own, it survives resets and restarts, and
it ends at the reset from which on its name or pattern is no longer among the `symbols`.
"""

from functools import cached_property
from typing import ClassVar

from actors.model.aliases import canonical, check_pattern, matches
from actors.model.contract import root
from actors.rules.rule import Hears, Judgement, Rule, RuleParams, RuleState
from actors.rules.stricter import Orders, united
from protocol.book import BookView
from protocol.enforcement import Aim, Breach, Goal, Priority
from protocol.lockouts import LockKind, LockRequest
from protocol.units import ContractId, Now, RuleName

NAME = RuleName("symbol_blocks")


class Params(RuleParams, frozen=True, kw_only=True):
    """The products to keep out of."""

    orders: ClassVar[Orders] = {"symbols": united}
    symbols: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.symbols:
            raise ValueError('symbols: names no product: write at least one, such as "ES"')
        for one in self.symbols:
            try:
                check_pattern(one)
            except ValueError as error:
                raise ValueError(f"symbols: {error}") from error

    @property
    def products(self) -> tuple[tuple[str, str], ...]:
        """Return the products that are blocked by name."""
        return tuple(("symbols", one) for one in self.symbols if "*" not in one)

    @cached_property
    def patterns(self) -> tuple[str, ...]:
        """Return the names and patterns, each once, by the exchange's names."""
        return tuple(dict.fromkeys(map(canonical, self.symbols)))

    @cached_property
    def text(self) -> str:
        """Return them for people."""
        return ", ".join(self.patterns)


class Touched(RuleState, frozen=True):
    """The names and patterns that were tried, and are locked since."""

    patterns: tuple[str, ...] = ()


def decide(params: Params, state: Touched, view: BookView, now: Now) -> Judgement[Touched]:  # noqa: ARG001
    """Lock what is touched, and keep locked what once was."""
    patterns = params.patterns
    seen = {one.contract_id for one in view.holdings} | {one.contract_id for one in view.orders}
    exposed = {one: contracts(seen, one) for one in patterns}
    touched = tuple(one for one in patterns if exposed[one] or one in state.patterns)
    after = state if touched == state.patterns else Touched(touched)
    breaches = tuple(blocked(one, exposed[one]) for one in touched)
    return Judgement(after, params.text, ", ".join(touched) or "none", breaches)


def contracts(seen: set[ContractId], pattern: str) -> tuple[ContractId, ...]:
    """Return the contracts of a pattern, of those in which there is a position or an order."""
    return tuple(sorted(one for one in seen if matches(pattern, root(one))))


def blocked(pattern: str, exposed: tuple[ContractId, ...]) -> Breach:
    """Close what there is, and lock what the pattern covers."""
    who = f"{', '.join(exposed)}: " if exposed else ""
    return Breach(
        rule=NAME,
        priority=Priority.POSITION,
        goals=tuple(Goal(aim=Aim.FLATTEN, contract_id=one) for one in exposed),
        lock=LockRequest(kind=LockKind.SYMBOL, until=None, scope=pattern),
        why=f"{who}{pattern} is blocked",
    )


RULE = Rule(NAME, "RULE-011", Params, Touched, Hears.POSITIONS | Hears.ORDERS, decide)

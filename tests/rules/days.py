"""Days to judge: the fills so far, the book that goes with them, and what time it is."""

from typing import Any

from msgspec.structs import replace

from actors.model.average_price import signed
from actors.rules.cooldown import CoolingState
from actors.rules.rule import AnyRule, Judgement, RuleParams
from protocol.account_facts import TradeSeen
from protocol.book import BookView, Holding
from protocol.units import SECOND, ContractId, Nanos, Now, PositionId, Price, Usd
from tests.model.fills import at
from tests.rules.books import RESET, view

FRESH = CoolingState()
LATEST = Nanos(1 << 62)
"""A position is the newest there is, unless a row says otherwise."""


def moment(clock: str | float) -> Now:
    return Now(wall=at(clock), mono=Nanos(at(clock) + 5 * SECOND))


def sizes(fills: tuple[TradeSeen, ...], carried: dict[ContractId, int]) -> dict[ContractId, int]:
    """Return what is held after these fills."""
    held = dict(carried)
    for one in fills:
        held[one.contract_id] = held.get(one.contract_id, 0) + signed(one)
    return {key: size for key, size in held.items() if size}


def held(contract_id: ContractId, size: int, opened: Nanos = LATEST) -> Holding:
    return Holding(
        position_id=PositionId(1),
        contract_id=contract_id,
        size=size,
        average=Price(0),
        opened=opened,
        grew=1,
        instrument=None,
        mark=None,
        unrealized=None,
    )


def day(
    *fills: TradeSeen,
    carried: dict[ContractId, int] | None = None,
    shows: dict[ContractId, int] | None = None,
    **fields: Any,
) -> BookView:
    """Return the book after these fills; `shows` is what it says instead of what they add up to."""
    book = sizes(fills, carried or {}) if shows is None else shows
    holdings = tuple(held(key, size) for key, size in book.items())
    known = {"fills": fills, "holdings": holdings, "next_reset": RESET, "realized": Usd(0)}
    return replace(view(), **(known | fields))


class Session:
    """A rule that is asked again and again, with what it keeps."""

    def __init__(self, rule: AnyRule, params: RuleParams, state: CoolingState = FRESH) -> None:
        self.rule = rule
        self.params = params
        self.state = state

    def ask(self, book: BookView, clock: str | float) -> Judgement[CoolingState]:
        judged: Judgement[CoolingState] = self.rule.decide(
            self.params, self.state, book, moment(clock)
        )
        self.state = judged.state
        return judged

    def until(self, book: BookView, clock: str | float) -> float | None:
        """Return the second at which the lock that is asked for ends."""
        return ends(self.ask(book, clock))


def ends(judged: Judgement[CoolingState]) -> float | None:
    if not judged.breaches:
        return None
    (breach,) = judged.breaches
    assert breach.lock is not None
    assert breach.lock.until is not None
    return breach.lock.until / SECOND

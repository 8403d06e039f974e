"""Books to judge, written the way people speak of them."""

from decimal import Decimal

from actors.model.money import unrealized
from actors.rules.rule import AnyRule, Judgement, RuleParams
from protocol.account_facts import Instrument
from protocol.book import BookView, Holding
from protocol.units import (
    PRICE,
    USD,
    AccountId,
    ContractId,
    Nanos,
    Now,
    PositionId,
    Price,
    Usd,
)

NOW = Now(wall=Nanos(1_000), mono=Nanos(7))
RESET = Nanos(9_000)
ZERO = Price(0)
NOTHING = Usd(0)
ACCOUNT = AccountId(1001)

MNQ = ContractId("CON.F.US.MNQ.Z26")
NQ = ContractId("CON.F.US.ENQ.Z26")
ES = ContractId("CON.F.US.EP.Z26")
RTY = ContractId("CON.F.US.RTY.Z26")


def price(text: str) -> Price:
    return Price(int(Decimal(text) * PRICE))


def dollars(text: str) -> Usd:
    return Usd(int(Decimal(text) * USD))


def instrument(contract_id: ContractId) -> Instrument:
    tick, value = {
        MNQ: ("0.25", "0.50"),
        NQ: ("0.25", "5.00"),
        ES: ("0.25", "12.50"),
        RTY: ("0.10", "5.00"),
    }[contract_id]
    root = contract_id.split(".")[3]
    return Instrument(
        contract_id=contract_id,
        root=root,
        name=f"{root}Z6",
        tick_size=price(tick),
        tick_value=dollars(value),
    )


def holding(
    contract_id: ContractId,
    size: int,
    average: Price = ZERO,
    mark: Price | None = None,
    *,
    grew: int = 1,
    known: bool = True,
) -> Holding:
    economics = instrument(contract_id) if known else None
    worth = None
    if economics is not None and mark is not None:
        worth = unrealized(economics, size, average, mark)
    return Holding(
        position_id=PositionId(grew),
        contract_id=contract_id,
        size=size,
        average=average,
        opened=Nanos(0),
        grew=grew,
        instrument=economics,
        mark=mark,
        unrealized=worth,
    )


def priced(
    contract_id: ContractId, size: int, average: str, mark: str | None, *, known: bool = True
) -> Holding:
    marked = None if mark is None else price(mark)
    return holding(contract_id, size, price(average), marked, known=known)


def view(*holdings: Holding, realized: Usd | None = NOTHING) -> BookView:
    return BookView(
        account_id=ACCOUNT,
        known=True,
        day="2026-11-23",
        next_reset=RESET,
        realized=realized,
        holdings=tuple(sorted(holdings, key=lambda one: one.contract_id)),
    )


def judge(rule: AnyRule, params: RuleParams, book: BookView) -> Judgement[object]:
    judged: Judgement[object] = rule.decide(params, rule.state(), book, NOW)
    return judged

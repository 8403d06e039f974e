"""What an exit has realized is not counted again while its position's message is on the way."""

import pytest

from actors.model.book import Row
from actors.model.settling import Settling
from protocol.account_facts import PositionSeen, Side, TradeSeen
from protocol.units import (
    PRICE,
    AccountId,
    ContractId,
    Nanos,
    OrderId,
    PositionId,
    Price,
    TradeId,
    Usd,
)

MNQ = ContractId("CON.F.US.MNQ.Z26")
NOW = Nanos(1_000)
LIFE = 7


def row(size: int, *, life: int = LIFE, opened: int = 100) -> Row:
    seen = PositionSeen(
        account_id=AccountId(1001),
        position_id=PositionId(life),
        contract_id=MNQ,
        size=size,
        average=Price(21_000 * PRICE),
        opened=Nanos(opened),
    )
    return Row(seen=seen, grew=1)


def trade(
    size: int, *, at: int = 200, realized: int | None = -200, voided: bool = False
) -> TradeSeen:
    return TradeSeen(
        account_id=AccountId(1001),
        trade_id=TradeId(1),
        contract_id=MNQ,
        order_id=OrderId(1),
        side=Side.BUY if size > 0 else Side.SELL,
        size=abs(size),
        price=Price(21_000 * PRICE),
        realized=None if realized is None else Usd(realized),
        voided=voided,
        at=Nanos(at),
    )


def holding(size: int) -> Settling:
    """Return what is known of a position whose own trade has been told."""
    return Settling().read({MNQ: row(size)}, {MNQ: size})


@pytest.mark.parametrize(
    ("shown", "told", "filled", "unsettled"),
    [
        pytest.param(5, trade(-5), 0, 5, id="the exit's trade comes before its position"),
        pytest.param(-5, trade(5), 0, 5, id="of a short"),
        pytest.param(5, trade(-2), 3, 2, id="a part of it"),
        pytest.param(5, trade(-8), -3, 5, id="through zero: no more than there is"),
        pytest.param(3, trade(-2), 3, 0, id="the position came before its trade"),
        pytest.param(5, trade(-5, realized=None), 0, 0, id="an opening half-turn realizes nothing"),
        pytest.param(5, trade(-5, at=100), 0, 0, id="it closed an earlier life"),
        pytest.param(5, trade(-5, voided=True), 0, 0, id="a void"),
    ],
)
def test_what_the_row_still_shows_of_what_is_gone(
    shown: int, told: TradeSeen, filled: int, unsettled: int
) -> None:
    settling = holding(5 if shown > 0 else -5).told(told, row(shown), {MNQ: filled}, NOW)

    assert settling.unsettled.get(MNQ, 0) == unsettled


def test_before_the_first_truth_nothing_is_taken_off() -> None:
    assert Settling().told(trade(-5), row(5), {MNQ: -5}, NOW).unsettled == {}


def test_what_was_carried_into_the_day_is_known_to_close() -> None:
    carried = Settling().read({MNQ: row(5)}, {})

    assert carried.told(trade(-5), row(5), {MNQ: -5}, NOW).unsettled == {MNQ: 5}


def test_an_exit_in_parts_settles_part_by_part() -> None:
    settling = holding(5).told(trade(-2), row(5), {MNQ: 3}, NOW)
    settling = settling.told(trade(-3), row(5), {MNQ: 0}, NOW)
    assert settling.unsettled == {MNQ: 5}

    settling = settling.moved(row(5), row(3), {MNQ: 0})
    assert settling.unsettled == {MNQ: 3}
    assert settling.moved(row(3), None, {MNQ: 0}).unsettled == {}


def test_another_life_counts_as_a_whole_at_once() -> None:
    settling = holding(5).told(trade(-5), row(5), {MNQ: 0}, NOW)

    assert settling.moved(row(5), row(4, life=8, opened=300), {MNQ: 0}).unsettled == {}


@pytest.mark.parametrize(("asked", "unsettled"), [(999, {MNQ: 5}), (1_000, {MNQ: 5}), (1_001, {})])
def test_a_read_that_left_after_the_trade_settles_it(
    asked: int, unsettled: dict[ContractId, int]
) -> None:
    settling = holding(5).told(trade(-5), row(5), {MNQ: 0}, NOW)

    shown = settling.shown({MNQ: row(5)}, {MNQ: row(5)}, Nanos(asked))

    assert shown.unsettled == unsettled
    assert settling.settled().unsettled == {}


def test_another_beginning_is_believed_when_two_reads_agree() -> None:
    settling = holding(5)
    torn = settling.read({MNQ: row(5)}, {MNQ: 0})
    assert torn.carried == {}
    assert torn.read({}, {MNQ: 0}) == settling

    again = torn.read({MNQ: row(5)}, {MNQ: 0})
    assert again.carried == {MNQ: 5}


def test_a_new_day_carries_what_is_held() -> None:
    settling = holding(5).next_day({MNQ: row(5)}, {MNQ: 0})

    assert settling.carried == {MNQ: 5}
    assert Settling().next_day({MNQ: row(5)}, {}) == Settling()

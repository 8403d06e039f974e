"""What an exit has realized is not counted again while its position's message is on the way."""

import pytest
from msgspec.structs import replace

from actors.model.book import Row
from actors.model.settling import SETTLE, Settling
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
ES = ContractId("CON.F.US.EP.Z26")
NOW = Nanos(1_000)
LATER = Nanos(2_000)
LIFE = 7


def row(size: int, *, life: int = LIFE, opened: int = 100, contract: ContractId = MNQ) -> Row:
    seen = PositionSeen(
        account_id=AccountId(1001),
        position_id=PositionId(life),
        contract_id=contract,
        size=size,
        average=Price(21_000 * PRICE),
        opened=Nanos(opened),
    )
    return Row(seen=seen, grew=1)


def trade(
    size: int,
    *,
    at: int = 200,
    realized: int | None = -200,
    voided: bool = False,
    contract: ContractId = MNQ,
) -> TradeSeen:
    return TradeSeen(
        account_id=AccountId(1001),
        trade_id=TradeId(1),
        contract_id=contract,
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
    return Settling().read({MNQ: row(size)}, {MNQ: size}, NOW)


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
    carried = Settling().read({MNQ: row(5)}, {}, NOW)

    assert carried.told(trade(-5), row(5), {MNQ: -5}, NOW).unsettled == {MNQ: 5}


def test_an_exit_in_parts_settles_part_by_part() -> None:
    settling = holding(5).told(trade(-2), row(5), {MNQ: 3}, NOW)
    settling = settling.told(trade(-3), row(5), {MNQ: 0}, NOW)
    assert settling.unsettled == {MNQ: 5}

    settling = settling.moved(row(5), row(3), {MNQ: 0}, NOW)
    assert settling.unsettled == {MNQ: 3}
    assert settling.moved(row(3), None, {MNQ: 0}, NOW).unsettled == {}


def test_another_life_counts_as_a_whole_at_once() -> None:
    settling = holding(5).told(trade(-5), row(5), {MNQ: 0}, NOW)

    assert settling.moved(row(5), row(4, life=8, opened=300), {MNQ: 0}, NOW).unsettled == {}


@pytest.mark.parametrize(("asked", "unsettled"), [(999, {MNQ: 5}), (1_000, {MNQ: 5}), (1_001, {})])
def test_a_read_that_left_after_the_trade_settles_it(
    asked: int, unsettled: dict[ContractId, int]
) -> None:
    settling = holding(5).told(trade(-5), row(5), {MNQ: 0}, NOW)

    shown = settling.shown({MNQ: row(5)}, {MNQ: row(5)}, None, Nanos(asked))

    assert shown.unsettled == unsettled


def test_a_row_is_waited_for_whatever_is_traded_in_other_contracts() -> None:
    settling = holding(5).told(trade(-5), row(5), {MNQ: 0}, NOW)
    both = replace(settling, carried={ES: 1}).told(
        trade(-1, contract=ES), row(1, contract=ES), {MNQ: 0, ES: -1}, LATER
    )

    assert both.unsettled == {MNQ: 5, ES: 1}
    assert both.due == NOW + SETTLE
    assert both.overdue(Nanos(NOW + SETTLE - 1)) is both
    assert both.overdue(Nanos(NOW + SETTLE)).unsettled == {ES: 1}
    rows = {MNQ: row(5), ES: row(1, contract=ES)}
    assert both.shown(rows, rows, None, LATER).unsettled == {ES: 1}


def test_a_row_counts_as_a_whole_again_when_the_trade_that_closed_it_is_voided() -> None:
    settling = holding(5).told(trade(-5), row(5), {MNQ: 0}, NOW)

    assert settling.told(trade(-5, voided=True), row(5), {MNQ: 5}, NOW).unsettled == {}


@pytest.mark.parametrize(
    ("left", "filled", "untold"),
    [
        pytest.param(None, 5, 5, id="gone before its trade is told"),
        pytest.param(row(3), 5, 2, id="a part of it"),
        pytest.param(row(-2, life=8, opened=300), 5, 5, id="turned around"),
        pytest.param(row(-2), 5, 5, id="turned around in one life"),
        pytest.param(None, 0, 0, id="its trade came first"),
        pytest.param(row(3), 3, 0, id="so did that of a part"),
        pytest.param(None, 2, 2, id="one of its trades did"),
        pytest.param(row(7), 5, 0, id="it has grown"),
    ],
)
def test_what_has_gone_from_a_row_and_no_trade_has_told(
    left: Row | None, filled: int, untold: int
) -> None:
    settling = holding(5).moved(row(5), left, {MNQ: filled}, NOW)

    assert settling.untold.get(MNQ, 0) == untold
    assert holding(0).moved(None, left, {MNQ: filled}, NOW).untold == {}


def test_trades_tell_of_it_part_by_part() -> None:
    settling = holding(5).moved(row(5), None, {MNQ: 5}, NOW)

    settling = settling.told(trade(-2), None, {MNQ: 3}, NOW)
    assert settling.untold == {MNQ: 3}
    assert settling.told(trade(1, realized=None), None, {MNQ: 4}, NOW).untold == {MNQ: 3}
    assert settling.told(trade(-3), None, {MNQ: 0}, NOW).untold == {}


@pytest.mark.parametrize(("asked", "untold"), [(1_000, {MNQ: 5}), (1_001, {})])
def test_a_read_of_trades_that_left_after_it_went_tells(
    asked: int, untold: dict[ContractId, int]
) -> None:
    settling = holding(5).moved(row(5), None, {MNQ: 5}, NOW)

    assert settling.read({}, {MNQ: 5}, Nanos(asked)).untold == untold


def test_so_does_one_that_left_before_it_went_and_brings_its_trade() -> None:
    settling = holding(5).moved(row(5), None, {MNQ: 5}, NOW)

    assert settling.read({}, {}, NOW).untold == {}
    assert settling.read({}, {MNQ: 2}, NOW).untold == {MNQ: 2}


def test_one_that_left_between_two_tells_of_the_first() -> None:
    settling = replace(holding(5), carried={ES: 1})
    settling = settling.moved(row(5), None, {MNQ: 5}, NOW)
    settling = settling.moved(row(1, contract=ES), None, {MNQ: 5}, LATER)
    assert settling.untold == {MNQ: 5, ES: 1}

    assert settling.read({}, {}, LATER).untold == {ES: 1}


def test_it_is_waited_for_twice_and_no_longer() -> None:
    settling = holding(5).moved(row(5), None, {MNQ: 5}, NOW)
    assert settling.due == NOW + SETTLE
    assert settling.overdue(Nanos(NOW + SETTLE - 1)) is settling

    once = settling.overdue(Nanos(NOW + SETTLE))
    assert once.untold == {MNQ: 5}
    assert once.due == NOW + 2 * SETTLE
    assert once.overdue(Nanos(NOW + 2 * SETTLE - 1)) is once
    assert once.overdue(Nanos(NOW + 2 * SETTLE)).untold == {}


def test_it_is_waited_for_no_longer_if_more_goes_meanwhile() -> None:
    settling = holding(5).moved(row(5), None, {MNQ: 5}, NOW)
    settling = settling.overdue(Nanos(NOW + SETTLE))

    more = settling.moved(row(2, life=8, opened=300), None, {MNQ: 7}, LATER)
    assert more.untold == {MNQ: 7}
    assert more.due == NOW + 2 * SETTLE
    over = more.overdue(Nanos(NOW + 2 * SETTLE))
    assert over.untold == {}

    anew = over.moved(row(3, life=9, opened=400), None, {MNQ: 3}, LATER)
    assert anew.due == LATER + SETTLE


def test_before_truth_is_sure_nothing_is_waited_for() -> None:
    torn = holding(5).read({MNQ: row(5)}, {MNQ: 0}, NOW)

    assert torn.moved(row(5), None, {MNQ: 5}, NOW).untold == {}
    assert Settling().moved(row(5), None, {MNQ: 5}, NOW).untold == {}


def test_another_beginning_is_believed_when_two_reads_agree() -> None:
    settling = holding(5)
    torn = settling.read({MNQ: row(5)}, {MNQ: 0}, NOW)
    assert torn.carried == {}
    assert torn.read({}, {MNQ: 0}, NOW) == settling

    again = torn.read({MNQ: row(5)}, {MNQ: 0}, NOW)
    assert again.carried == {MNQ: 5}


def test_a_new_day_carries_what_is_held() -> None:
    settling = holding(5).next_day({MNQ: row(5)}, {MNQ: 0})

    assert settling.carried == {MNQ: 5}
    assert Settling().next_day({MNQ: row(5)}, {}) == Settling()


@pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])
def test_a_new_day_carries_nothing_of_an_exit_that_its_row_does_not_show_yet(sign: int) -> None:
    shown, filled = row(5 * sign), {MNQ: 3 * sign}
    told = holding(5 * sign).told(trade(-2 * sign), shown, filled, NOW)
    settling = told.next_day({MNQ: shown}, {})
    assert (settling.carried, settling.unsettled) == ({MNQ: 3 * sign}, {MNQ: 2})

    followed = settling.moved(shown, row(3 * sign), {}, NOW)
    assert (followed.unsettled, followed.untold) == ({}, {})

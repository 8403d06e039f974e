"""What counts as an attempt while locked: exposure that a lock forbids, whenever it is shown."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rules import daily_realized_loss, no_stop_loss_grace, symbol_blocks
from actors.rules import trade_frequency_limit as frequency
from actors.rules.rule import RuleParams
from protocol.account_facts import OrderType, PositionSeen
from protocol.answers import HubsLost, HubsOpened
from protocol.decisions import LockedAttempt
from protocol.units import PRICE, Price, RuleName
from tests.actors.loyal import Desk
from tests.sim.broker import ACCOUNT, ES, MNQ, Fact

COOLING = frequency.Params(per_minute=1, trigger=frequency.When.REACH, cooldown_minute="10m")


def guarded(**rules: RuleParams) -> AccountPlan:
    named = {RuleName(name): one for name, one in rules.items()}
    return AccountPlan(account_id=ACCOUNT, name="practice", reset=ResetSchedule(), rules=named)


def attempts(desk: Desk) -> list[str]:
    return [one.what for one in desk.said(LockedAttempt)]


def rest(desk: Desk, signed: int, kind: OrderType, price: int) -> None:
    desk.tell(desk.broker.rest(MNQ, signed, kind, Price(price * PRICE), desk.now.wall))


@pytest.mark.parametrize(
    ("signed", "kind", "price"),
    [
        pytest.param(-2, OrderType.STOP, 25_990, id="a protective stop"),
        pytest.param(-2, OrderType.LIMIT, 26_100, id="a target"),
        pytest.param(-1, OrderType.LIMIT, 26_100, id="a part of it"),
    ],
)
def test_what_only_lessens_a_position_is_no_attempt_in_a_cooldown(
    signed: int, kind: OrderType, price: int
) -> None:
    desk = Desk(guarded(trade_frequency_limit=COOLING))
    desk.trade(MNQ, 2)

    rest(desk, signed, kind, price)
    desk.wait(2_000)

    assert len(desk.broker.orders) == 1, "a cooldown touches no exit"
    assert attempts(desk) == []


@pytest.mark.parametrize(
    ("signed", "kind", "price"),
    [
        pytest.param(1, OrderType.LIMIT, 25_900, id="an entry"),
        pytest.param(1, OrderType.STOP, 26_100, id="a stop entry"),
        pytest.param(-3, OrderType.LIMIT, 26_100, id="one that would turn it around"),
    ],
)
def test_an_order_that_could_add_is_an_attempt_and_goes(
    signed: int, kind: OrderType, price: int
) -> None:
    desk = Desk(guarded(trade_frequency_limit=COOLING))
    desk.trade(MNQ, 2)

    rest(desk, signed, kind, price)
    desk.wait(2_000)

    assert desk.broker.orders == {}
    assert len(attempts(desk)) == 1


def test_a_stop_of_our_own_is_no_attempt_of_the_traders() -> None:
    stops = no_stop_loss_grace.Params(
        grace="5s", on_expiry=no_stop_loss_grace.OnExpiry.PLACE_STOP, stop_ticks=40
    )
    desk = Desk(guarded(trade_frequency_limit=COOLING, no_stop_loss_grace=stops))
    desk.trade(MNQ, 2)
    desk.wait(7_000)

    assert len(desk.broker.orders) == 1
    assert attempts(desk) == []


def test_a_locked_and_flat_account_counts_every_order() -> None:
    desk = Desk(guarded(daily_realized_loss=daily_realized_loss.Params(limit=Decimal(-100))))
    desk.trade(MNQ, 2)
    desk.move(MNQ, -200)
    desk.wait(3_000)

    rest(desk, -1, OrderType.STOP, 25_000)
    desk.wait(2_000)

    assert (desk.broker.positions, desk.broker.orders) == ({}, {})
    assert len(attempts(desk)) == 1


def test_a_bracket_is_one_attempt() -> None:
    desk = Desk(guarded(daily_realized_loss=daily_realized_loss.Params(limit=Decimal(-100))))
    desk.trade(MNQ, 2)
    desk.move(MNQ, -200)
    desk.wait(3_000)

    entry, stop = Price(25_000 * PRICE), Price(24_990 * PRICE)
    desk.tell(desk.broker.bracket(MNQ, 1, entry, stop, desk.now.wall))
    desk.wait(2_000)

    assert desk.broker.orders == {}
    assert len(attempts(desk)) == 1


def test_what_a_cooldown_lets_stay_is_no_attempt_after_a_restart() -> None:
    cooling = guarded(trade_frequency_limit=COOLING)
    desk = Desk(cooling)
    desk.trade(MNQ, 2)
    desk.trade(MNQ, 1)
    desk.wait(3_000)
    assert len(attempts(desk)) == 1
    assert desk.broker.positions[MNQ].size == 2

    again = Desk(cooling, stored=desk.stored, broker=desk.broker)
    again.wait(3_000)

    assert again.broker.positions[MNQ].size == 2
    assert attempts(again) == []


def left_and_entered_again(desk: Desk) -> tuple[list[Fact], list[Fact]]:
    """Have the trader leave a position and enter another like it, and nobody tell of it yet."""
    left = desk.broker.market(MNQ, -2, desk.now.wall)
    desk.wait(100)
    return left, desk.broker.market(MNQ, 2, desk.now.wall)


@pytest.mark.parametrize("told", ["in their order", "the end last", "the end never", "in a gap"])
def test_a_position_that_a_cooldown_lets_stay_makes_no_room_for_another(told: str) -> None:
    desk = Desk(guarded(trade_frequency_limit=COOLING))
    desk.trade(MNQ, 2)
    left, entered = left_and_entered_again(desk)

    match told:
        case "in their order":
            desk.tell([*left, *entered])
        case "the end last":
            desk.tell([*entered, *left])
        case "the end never":
            desk.tell([one for one in left if not isinstance(one, PositionSeen)])
            desk.tell(entered)
        case _:
            desk.hear(HubsLost(why="reset"))
            desk.hear(HubsOpened())
    desk.wait(3_000)

    assert desk.broker.positions == {}, "what was left cannot be entered again"
    assert attempts(desk) == ["position of 2 in CON.F.US.MNQ.Z26"]


def test_nor_does_it_over_a_restart() -> None:
    cooling = guarded(trade_frequency_limit=COOLING)
    desk = Desk(cooling)
    desk.trade(MNQ, 2)
    left_and_entered_again(desk)

    again = Desk(cooling, stored=desk.stored, broker=desk.broker)
    again.wait(3_000)

    assert again.broker.positions == {}


@pytest.mark.parametrize("how", ["in a gap", "while the desk is down"])
def test_what_follows_the_entry_too_many_goes_though_nobody_was_there(how: str) -> None:
    once = guarded(trade_frequency_limit=replace(COOLING, trigger=frequency.When.EXCEED))
    desk = Desk(once)
    desk.trade(MNQ, 1)
    for size in (1, 3):
        desk.broker.market(MNQ, size, desk.now.wall)
        desk.wait(1_000)

    if how == "in a gap":
        desk.hear(HubsLost(why="reset"))
        desk.hear(HubsOpened())
    else:
        desk = Desk(once, stored=desk.stored, broker=desk.broker)
    desk.wait(3_000)

    assert desk.broker.positions[MNQ].size == 2, "what stood as the pause began, and no more"


def test_what_is_opened_in_a_locked_product_while_the_desk_is_down_is_counted() -> None:
    blocked = guarded(symbol_blocks=symbol_blocks.Params(symbols=("ES",)))
    desk = Desk(blocked)
    desk.trade(ES, 1)
    desk.wait(3_000)
    assert attempts(desk) == []

    desk.broker.market(ES, 1, desk.now.wall)
    again = Desk(blocked, stored=desk.stored, broker=desk.broker)
    again.wait(3_000)

    assert again.broker.positions == {}
    assert len(attempts(again)) == 1

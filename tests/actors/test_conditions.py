"""Locks that a state ends: of the broker (RULE-010), or of the configuration (RULE-011)."""

import pytest
from msgspec.structs import replace

from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rules import auth_loss_guard, max_contracts, max_contracts_per_instrument, symbol_blocks
from actors.rules.rule import Mode, RuleParams
from protocol.account_facts import AccountSeen, OrderType, PositionSeen
from protocol.answers import AccountsRead
from protocol.commands import CancelOrder, CloseContract
from protocol.decisions import (
    DayReset,
    EnforcementConfirmed,
    LockedAttempt,
    LockEnded,
    LockSet,
    WouldHave,
)
from protocol.lockouts import Lock
from protocol.message import Message
from protocol.units import MILLISECOND, PRICE, Price, RuleName
from tests.actors.faulty import FaultyRoster
from tests.actors.loyal import PATH, Desk
from tests.actors.rig import later
from tests.sim.broker import ACCOUNT, ES, MNQ

AUTH, BLOCKS = auth_loss_guard.NAME, symbol_blocks.NAME
DAY_MS = 24 * 3_600 * 1_000
SOON, SOON_MS = ResetSchedule(at="3 2 * * *"), 5 * 60 * 1_000
"""A desk starts at 02:00 in Chicago; a whole day with a position is a lot of sweeps."""
POLL_MS = 16_000


def plan(mode: Mode = Mode.ENFORCE, **rules: RuleParams) -> AccountPlan:
    named = {RuleName(name): params for name, params in rules.items()}
    return AccountPlan(
        account_id=ACCOUNT, name="practice", mode=mode, reset=ResetSchedule(), rules=named
    )


def guarded(mode: Mode = Mode.ENFORCE) -> AccountPlan:
    return plan(auth_loss_guard=auth_loss_guard.Params(mode=mode))


def blocking(*symbols: str, mode: Mode = Mode.ENFORCE) -> AccountPlan:
    return plan(symbol_blocks=symbol_blocks.Params(symbols=symbols, mode=mode))


def says(can_trade: bool | None) -> AccountSeen:  # noqa: FBT001  (it is what the broker says)
    return AccountSeen(account_id=ACCOUNT, name="practice", can_trade=can_trade)


def locks(desk: Desk) -> list[tuple[str | None, str]]:
    held: tuple[Lock, ...] = desk.runtime.states[PATH].locks
    return sorted((one.key for one in held), key=str)


def again(desk: Desk, with_plan: AccountPlan) -> Desk:
    """Return the next life of a desk, with another configuration."""
    return Desk(with_plan, stored=desk.stored, broker=desk.broker)


def test_010_cancels_closes_and_locks_until_the_broker_says_yes() -> None:
    desk = Desk(guarded())
    desk.trade(MNQ, 2)
    desk.tell(desk.broker.rest(ES, 1, OrderType.LIMIT, Price(5_900 * PRICE), desk.now.wall))

    desk.hear(says(can_trade=False))
    desk.wait(2_000)

    assert {type(one) for one in desk.mutations} == {CloseContract, CancelOrder}
    assert (desk.broker.positions, desk.broker.orders) == ({}, {})
    assert len(desk.said(EnforcementConfirmed)) == 1
    assert locks(desk) == [(None, AUTH)]
    desk.trade(MNQ, 1)
    assert desk.broker.positions == {}
    assert len(desk.said(LockedAttempt)) == 1
    desk.wait(2_000)

    desk.hear(says(can_trade=True))
    assert locks(desk) == []
    desk.trade(MNQ, 1)
    desk.wait(5_000)
    assert desk.broker.positions[MNQ].size == 1


def test_010_a_message_that_does_not_say_neither_breaches_nor_ends() -> None:
    desk = Desk(guarded())
    desk.hear(says(can_trade=None))
    assert locks(desk) == []

    desk.hear(says(can_trade=False))
    desk.hear(says(can_trade=None))
    desk.wait(2_000)

    assert locks(desk) == [(None, AUTH)]
    assert len(desk.said(LockSet)) == 1


def test_010_hears_the_list_of_accounts_that_is_read_with_every_poll() -> None:
    desk = Desk(guarded())
    desk.found = says(can_trade=False)
    desk.wait(POLL_MS)
    assert locks(desk) == [(None, AUTH)]

    desk.found = says(can_trade=True)
    desk.wait(POLL_MS)
    assert locks(desk) == []


@pytest.mark.parametrize(
    ("asked_ms", "listed", "locked"),
    [
        pytest.param(-1, True, True, id="a list asked for before the hub said no ends nothing"),
        pytest.param(0, True, True, id="nor does one of the same instant"),
        pytest.param(1, True, False, id="one asked for since ends the lock"),
        pytest.param(1, None, True, id="unless it does not say"),
    ],
)
def test_010_an_older_list_is_no_word_against_the_hub(
    asked_ms: int,
    listed: bool | None,  # noqa: FBT001  (a table's column)
    locked: bool,  # noqa: FBT001
) -> None:
    desk = Desk(guarded())
    desk.wait(2_000)
    desk.hear(says(can_trade=False))
    asked = later(desk.now, asked_ms * MILLISECOND).mono
    desk.wait(10)

    desk.hear(AccountsRead(accounts=(replace(says(can_trade=listed), asked=asked),)))

    assert locks(desk) == ([(None, AUTH)] if locked else [])


def test_010_lists_that_overtake_one_another_count_in_the_order_they_were_asked_for() -> None:
    desk = Desk(guarded())
    desk.wait(2_000)
    newer, older = desk.now.mono, later(desk.now, -MILLISECOND).mono
    desk.hear(AccountsRead(accounts=(replace(says(can_trade=False), asked=newer),)))
    desk.hear(AccountsRead(accounts=(replace(says(can_trade=True), asked=older),)))

    assert locks(desk) == [(None, AUTH)]


def test_010_an_account_that_began_again_believes_no_list_from_before_it_died() -> None:
    """Its last life had heard the hub say no since, and this one knows nothing of that."""
    once: list[str] = []

    def dies(path: str, message: Message) -> bool:
        return isinstance(message, PositionSeen) and path in once and bool(once.pop())

    desk = Desk(guarded(), FaultyRoster(guarded(), dies))
    desk.wait(2_000)
    asked = desk.now.mono
    desk.wait(10)
    desk.hear(says(can_trade=False))
    desk.found = says(can_trade=None)

    once.append(PATH)
    desk.trade(MNQ, 1)
    desk.hear(AccountsRead(accounts=(replace(says(can_trade=True), asked=asked),)))

    assert [path for path, _ in desk.deaths] == [PATH]
    assert locks(desk) == [(None, AUTH)]


def test_010_survives_the_reset_and_restarts_and_is_read_again() -> None:
    desk = Desk(guarded())
    desk.found = says(can_trade=False)
    desk.wait(DAY_MS)
    assert desk.said(DayReset)
    assert locks(desk) == [(None, AUTH)]

    silent = Desk(guarded(), stored=desk.stored, broker=desk.broker, found=says(can_trade=None))
    assert locks(silent) == [(None, AUTH)]
    assert silent.said(LockEnded) == []

    allowed = again(silent, guarded())
    assert locks(allowed) == []
    assert [one.why for one in allowed.said(LockEnded)] == ["its condition is over"]


def test_a_lock_that_waits_for_a_rule_ends_when_the_rule_is_taken_out() -> None:
    desk = Desk(guarded())
    desk.hear(says(can_trade=False))
    assert locks(desk) == [(None, AUTH)]

    other = again(desk, plan(max_contracts=max_contracts.Params(limit=2)))

    assert locks(other) == []
    assert [one.why for one in other.said(LockEnded)] == ["its rule is enforced here no more"]


def test_a_lock_that_waits_for_a_rule_ends_when_the_rule_is_in_shadow() -> None:
    desk = Desk(blocking("ES"))
    desk.trade(ES, 1)
    desk.wait(2_000)
    assert locks(desk) == [("ES", BLOCKS)]

    shadow = again(desk, blocking("ES", mode=Mode.SHADOW))
    shadow.trade(ES, 1)
    shadow.wait(2_000)

    assert locks(shadow) == []
    assert shadow.broker.positions[ES].size == 1


def test_011_closes_and_locks_one_product_and_leaves_the_others() -> None:
    desk = Desk(replace(blocking("es"), reset=SOON))
    desk.trade(MNQ, 3)
    desk.tell(desk.broker.rest(MNQ, -3, OrderType.STOP, Price(25_900 * PRICE), desk.now.wall))
    stops = set(desk.broker.orders)

    desk.trade(ES, -1)
    desk.wait(2_000)

    assert [one.size for one in desk.broker.positions.values()] == [3]
    assert set(desk.broker.orders) == stops
    assert locks(desk) == [("ES", BLOCKS)]
    desk.wait(SOON_MS)
    assert desk.said(DayReset)
    assert locks(desk) == [("ES", BLOCKS)]
    assert desk.broker.positions[MNQ].size == 3


def test_011_an_order_is_enough() -> None:
    desk = Desk(blocking("ES"))

    desk.tell(desk.broker.rest(ES, 1, OrderType.LIMIT, Price(5_900 * PRICE), desk.now.wall))

    assert desk.broker.orders == {}
    assert locks(desk) == [("ES", BLOCKS)]


def test_011_each_lock_ends_with_its_own_line_of_the_configuration() -> None:
    desk = Desk(blocking("ES", "M*"))
    desk.trade(ES, 1)
    desk.trade(MNQ, 1)
    desk.wait(2_000)
    assert locks(desk) == [("ES", BLOCKS), ("M*", BLOCKS)]

    fewer = again(desk, blocking("M*", "GC"))
    assert locks(fewer) == [("M*", BLOCKS)]
    fewer.trade(ES, 1)
    fewer.trade(MNQ, 1)
    fewer.wait(2_000)
    assert set(fewer.broker.positions) == {ES}

    none = again(fewer, blocking("GC"))
    assert locks(none) == []


def test_011_in_shadow_it_only_speaks() -> None:
    desk = Desk(blocking("ES", mode=Mode.SHADOW))

    desk.trade(ES, 1)
    desk.wait(2_000)

    assert desk.mutations == []
    assert [one.why for one in desk.said(WouldHave)] == [f"{ES}: ES is blocked"]


def test_002_reduces_two_products_at_once_and_holds_entries_back() -> None:
    limits = max_contracts_per_instrument.Params(limits={"MNQ": 2, "ES": 1})
    desk = Desk(plan(max_contracts_per_instrument=limits))
    desk.trade(MNQ, 2)
    desk.tell(desk.broker.rest(MNQ, 2, OrderType.LIMIT, Price(25_000 * PRICE), desk.now.wall))
    entry = set(desk.broker.orders)
    desk.tell(desk.broker.rest(MNQ, -6, OrderType.STOP, Price(25_900 * PRICE), desk.now.wall))
    assert desk.mutations == []
    shown = desk.broker.market(MNQ, 4, desk.now.wall)

    desk.tell(shown)
    desk.trade(ES, -3)
    desk.wait(2_000)

    held = {contract: (one.size) for contract, one in desk.broker.positions.items()}
    assert held == {MNQ: 2, ES: -1}
    assert {type(one).__name__ for one in desk.mutations} == {"PartialClose", "CancelOrder"}
    assert {one.order_id for one in desk.mutations if isinstance(one, CancelOrder)} == entry
    assert [one.size for one in desk.broker.orders.values()] == [6]
    assert desk.said(LockSet) == []


def test_002_the_protective_stop_outlives_a_reduction_in_pieces() -> None:
    limits = max_contracts_per_instrument.Params(limits={"MNQ": 2})
    desk = Desk(plan(max_contracts_per_instrument=limits))
    desk.tell(desk.broker.rest(MNQ, -3, OrderType.STOP, Price(25_900 * PRICE), desk.now.wall))
    desk.trade(MNQ, 5)
    desk.wait(2_000)

    assert desk.broker.positions[MNQ].size == 2
    assert len(desk.broker.orders) == 1
    assert not any(isinstance(one, CancelOrder) for one in desk.mutations)

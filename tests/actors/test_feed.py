"""The feed of one account: live, gap, blind; and what follows of being blind, by configuration."""

from datetime import time
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from actors.account_feed import FEED, hearing
from actors.model.feed import FeedPolicy, FeedState, OnBlind
from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rules import daily_realized_loss
from actors.rules.rule import Mode, RuleParams
from config.calendars import load_shipped
from protocol.account_facts import OrderType
from protocol.answers import HubsLost, HubsOpened
from protocol.commands import CloseContract
from protocol.decisions import (
    AccountArmed,
    AlarmCleared,
    AlarmKind,
    AlarmRaised,
    EnforcementConfirmed,
    LockEnded,
    LockSet,
    WouldHave,
)
from protocol.enforcement import WantsTruth
from protocol.lifecycle import Phase
from protocol.lockouts import LockKind
from protocol.market_facts import MarksRead, QuoteSeen
from protocol.units import PRICE, Price, RuleName
from tests.actors.faulty import Deaf, FaultyRoster
from tests.actors.loyal import PATH, Desk
from tests.actors.test_armed import Ears
from tests.sim.broker import ACCOUNT, ES, MNQ, Fact, Refusal

LIMIT_MS, TRUTH_MS = 60_000, 90_000
LOSS = daily_realized_loss.NAME


def plan(on_blind: OnBlind = OnBlind.ALARM, mode: Mode = Mode.ENFORCE, **more: Any) -> AccountPlan:
    rules: dict[RuleName, RuleParams] = {LOSS: daily_realized_loss.Params(limit=Decimal(-5_000))}
    return AccountPlan(
        account_id=ACCOUNT,
        name="practice",
        mode=mode,
        reset=ResetSchedule(),
        rules=rules,
        feed=FeedPolicy(on_blind=on_blind),
        **more,
    )


def held(on_blind: OnBlind = OnBlind.ALARM, mode: Mode = Mode.ENFORCE) -> Desk:
    """Return a desk that holds two MNQ in a market that has just fallen silent."""
    desk = Desk(plan(on_blind, mode))
    desk.trade(MNQ, 2)
    return desk


def quote(**points: float) -> QuoteSeen:
    prices: dict[str, Any] = {key: Price(round(one * PRICE)) for key, one in points.items()}
    return QuoteSeen(contract_id=MNQ, **prices)


def blind(desk: Desk) -> list[str]:
    return [one.why for one in desk.said(AlarmRaised) if one.kind is AlarmKind.FEED_BLIND]


def seeing(desk: Desk) -> int:
    return [one.kind for one in desk.said(AlarmCleared)].count(AlarmKind.FEED_BLIND)


def feed(desk: Desk) -> FeedState:
    return hearing(desk.runtime.states[PATH])


def locks(desk: Desk) -> list[tuple[str, LockKind]]:
    return [(one.rule, one.kind) for one in desk.runtime.states[PATH].locks]


# Blind, and seeing again


def test_i7_silence_with_a_position_open_is_blind_at_its_limit_and_said_once() -> None:
    desk = held()
    desk.wait(LIMIT_MS - 1)
    assert (feed(desk), blind(desk)) == (FeedState.LIVE, [])

    desk.wait(101)
    assert feed(desk) is FeedState.BLIND
    assert blind(desk) == [f"blind: {MNQ} has had no good price for 60 s (limit 60s)"]
    desk.wait(20_000)
    assert len(blind(desk)) == 1
    assert desk.mutations == [], "an alarm only"


def test_a_price_ends_it_within_a_second() -> None:
    desk = held()
    desk.wait(LIMIT_MS + 5_000)
    desk.move(MNQ, 1)
    desk.wait(1_000)

    assert feed(desk) is FeedState.LIVE
    assert seeing(desk) == 1


def test_prices_that_come_in_time_are_never_blind() -> None:
    desk = held()
    for _ in range(20):
        desk.wait(LIMIT_MS - 1_000)
        desk.move(MNQ, 1)

    assert blind(desk) == []


def test_a_flat_account_is_not_blind_nor_is_one_that_goes_flat() -> None:
    desk = Desk(plan())
    desk.wait(3 * LIMIT_MS)
    assert blind(desk) == []

    desk.trade(MNQ, 2)
    desk.wait(2 * LIMIT_MS)
    assert len(blind(desk)) == 1
    desk.trade(MNQ, -2)
    desk.wait(100)
    assert (feed(desk), seeing(desk)) == (FeedState.LIVE, 1)


def test_a_second_contract_that_goes_silent_is_said_too() -> None:
    desk = held()
    desk.trade(ES, 1)
    for _ in range(3):
        desk.wait(30_000)
        desk.move(MNQ, 1)
    assert blind(desk) == [f"blind: {ES} has had no good price for 60 s (limit 60s)"]

    desk.wait(LIMIT_MS + 1_000)
    assert len(blind(desk)) == 2
    assert MNQ in blind(desk)[-1]
    assert ES in blind(desk)[-1]
    desk.move(MNQ, 1)
    desk.wait(1_000)
    assert feed(desk) is FeedState.BLIND, "one of two is not enough"
    assert blind(desk)[-1].count("no good price") == 1


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(quote(last=0, bid=0, ask=0), id="zero"),
        pytest.param(quote(last=-26_000), id="negative"),
        pytest.param(quote(last=26_000.1, bid=25_999.9, ask=26_000.3), id="off the grid"),
        pytest.param(quote(bid=26_001, ask=26_000), id="crossed"),
    ],
)
def test_i7_a_stream_of_garbage_is_as_blind_as_none(garbage: QuoteSeen) -> None:
    desk = held()
    for _ in range(13):
        desk.wait(5_000)
        desk.hear(garbage)

    assert feed(desk) is FeedState.BLIND
    quote = desk.runtime.states["market_data"].quotes[MNQ]
    assert quote.ignored >= 13


def test_i7_prices_that_jump_about_beyond_the_band_are_blind() -> None:
    desk = held()
    for number in range(13):
        desk.wait(5_000)
        wild = Price((13_000 if number % 2 else 52_000) * PRICE)
        desk.hear(QuoteSeen(contract_id=MNQ, last=wild))

    assert feed(desk) is FeedState.BLIND
    assert desk.mutations == []


def test_truth_that_cannot_be_read_is_blind_though_prices_flow() -> None:
    desk = held()
    desk.truth_fails = True
    for _ in range(4):
        desk.wait(30_000)
        desk.move(MNQ, 1)

    assert len(blind(desk)) == 1
    assert "the broker's truth is" in blind(desk)[0]
    desk.truth_fails = False
    desk.wait(20_000)
    assert seeing(desk) == 1


def test_a_market_that_does_not_answer_is_noticed_by_age_all_the_same() -> None:

    ears = Ears(PATH, lambda message: isinstance(message, MarksRead))
    desk = Desk(plan(), FaultyRoster(plan(), ears, Deaf))
    desk.trade(MNQ, 2)
    ears.shut = True
    desk.wait(LIMIT_MS + 11_000)

    assert feed(desk) is FeedState.BLIND


def test_no_price_is_missed_while_the_exchange_is_closed() -> None:
    """The desk starts on a Friday at 02:00 in Chicago; this exchange closes two minutes later."""
    calendar = replace(load_shipped("cme_equity"), close=time(2, 2))
    desk = Desk(plan(calendars=(calendar,)))
    desk.trade(MNQ, 2)
    desk.wait(LIMIT_MS + 1_000)
    assert feed(desk) is FeedState.BLIND

    desk.wait(LIMIT_MS)
    assert feed(desk) is FeedState.LIVE, "it has closed"
    desk.wait(10 * LIMIT_MS)
    assert len(blind(desk)) == seeing(desk) == 1


# A gap


def test_a_gap_begins_with_the_loss_and_ends_when_the_truth_is_read() -> None:
    desk = held()
    desk.hear(HubsLost(why="silent"))
    assert feed(desk) is FeedState.GAP

    desk.truth_fails = True
    desk.hear(HubsOpened())
    assert feed(desk) is FeedState.GAP, "what was missed is not known yet"
    desk.truth_fails = False
    desk.wait(2_000)
    assert feed(desk) is FeedState.LIVE


def missing() -> Desk:
    """Return a desk back from a gap with a fill that it has not read: its first read failed."""
    desk = held()
    desk.hear(HubsLost(why="silent"))
    desk.broker.market(MNQ, 3, desk.now.wall)  # and nobody is told
    desk.truth_fails = True
    desk.hear(HubsOpened())
    return desk


def test_a_gap_whose_read_failed_stays_one_whatever_is_heard_meanwhile() -> None:
    """Prices and fills come again as soon as the hubs do; what was missed has still to be read."""
    desk = missing()
    desk.wait(100)
    desk.move(MNQ, 1)
    desk.trade(ES, 1)
    assert feed(desk) is FeedState.GAP
    assert len(desk.said(AccountArmed)) == 1

    desk.truth_fails = False
    desk.wait(2_000)
    assert feed(desk) is FeedState.LIVE
    assert len(desk.said(AccountArmed)) == 2
    sizes = {one.contract_id: one.size for one in desk.runtime.states[PATH].view.holdings}
    assert sizes == {MNQ: 5, ES: 1}


def test_after_a_gap_no_read_counts_that_leaves_the_days_trades_out() -> None:
    """A rule that wants to know what is held now does not know of trades that were missed."""
    desk = missing()
    desk.truth_fails = False
    desk._take(desk.runtime.input(PATH, WantsTruth(rule=LOSS), desk.now))
    desk._settle()

    state = desk.runtime.states[PATH]
    assert state.phase is Phase.ARMED
    assert len(state.ledger.trades) == len(desk.broker.trades) == 2


def test_a_gap_that_lasts_is_blind() -> None:
    desk = held()
    desk.hear(HubsLost(why="silent"))
    desk.wait(LIMIT_MS + 1_000)

    assert feed(desk) is FeedState.BLIND


# Pause


def test_a_pause_takes_back_what_is_added_and_leaves_the_rest() -> None:
    desk = held(OnBlind.PAUSE)
    stop = desk.broker.rest(MNQ, -2, OrderType.STOP, Price(25_900 * PRICE), desk.now.wall)
    desk.tell(stop)
    desk.wait(LIMIT_MS + 1_000)
    assert locks(desk) == [(FEED, LockKind.PAUSE)]
    assert desk.mutations == [], "what there is stays"

    desk.trade(MNQ, 1)
    desk.tell(desk.broker.rest(ES, 1, OrderType.LIMIT, Price(5_900 * PRICE), desk.now.wall))
    desk.wait(2_000)
    assert {type(one).__name__ for one in desk.mutations} == {"PartialClose", "CancelOrder"}
    assert desk.broker.positions[MNQ].size == 2
    assert [one.size for one in desk.broker.orders.values()] == [2], "the stop still protects"


def test_a_pause_ends_by_itself_and_no_sooner() -> None:
    desk = held(OnBlind.PAUSE)
    desk.wait(LIMIT_MS + 30_000)
    (lock,) = desk.said(LockSet)
    assert "no good price" in lock.lock.reason
    assert desk.said(LockEnded) == []

    desk.move(MNQ, 1)
    desk.wait(1_100)
    assert locks(desk) == []
    desk.trade(MNQ, 1)
    desk.wait(2_000)
    assert desk.broker.positions[MNQ].size == 3
    assert len(desk.said(LockSet)) == len(desk.said(LockEnded)) == 1


def test_what_a_pause_asked_for_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = held(OnBlind.PAUSE)
    desk.wait(LIMIT_MS)
    with monkeypatch.context() as patch:
        patch.setattr(desk.broker, "close", refused)
        desk.trade(MNQ, 1)
        desk.wait(3_000)
        assert (desk.broker.positions[MNQ].size, desk.mutations != []) == (3, True)
        desk.move(MNQ, 1)
        desk.wait(3_000)
        assert locks(desk) == []

    desk.wait(30_000)
    assert desk.broker.positions[MNQ].size == 3, "it sees again: nobody minds any more"


def refused(*_: object, **_more: object) -> list[Fact]:
    raise Refusal("busy")


def test_a_trader_may_go_flat_under_a_pause_and_it_is_over() -> None:
    desk = held(OnBlind.PAUSE)
    desk.wait(LIMIT_MS + 1_000)
    desk.trade(MNQ, -2)
    desk.wait(1_100)

    assert locks(desk) == []
    assert desk.mutations == []


@pytest.mark.parametrize("then", OnBlind)
def test_a_pause_outlives_a_restart_and_any_configuration_until_prices_come(
    then: OnBlind,
) -> None:
    before = held(OnBlind.PAUSE)
    before.wait(LIMIT_MS + 1_000)
    ears = Ears("market_data", lambda message: isinstance(message, QuoteSeen))
    ears.shut = True
    deaf = FaultyRoster(plan(then), ears, Deaf)
    desk = Desk(plan(then), deaf, stored=before.stored, broker=before.broker)
    assert (FEED, LockKind.PAUSE) in locks(desk)

    ears.shut = False
    desk.move(MNQ, 1)
    desk.wait(LIMIT_MS // 2)
    assert locks(desk) == []
    assert desk.broker.positions[MNQ].size == 2


def test_a_pause_that_finds_the_account_flat_after_a_restart_is_over() -> None:
    before = held(OnBlind.PAUSE)
    before.wait(LIMIT_MS + 1_000)
    before.broker.market(MNQ, -2, before.now.wall)
    desk = Desk(plan(OnBlind.PAUSE), stored=before.stored, broker=before.broker)

    assert locks(desk) == []
    assert desk.said(LockEnded)


# Flatten


def test_a_flatten_closes_the_contract_without_a_price_and_leaves_the_others() -> None:
    desk = held(OnBlind.FLATTEN)
    desk.trade(ES, 1)
    for _ in range(7):
        desk.wait(10_000)
        desk.move(ES, 1)

    assert [(type(one), one.contract_id) for one in desk.mutations] == [(CloseContract, MNQ)]
    assert set(desk.broker.positions) == {ES}
    assert len(desk.said(EnforcementConfirmed)) == 1
    assert seeing(desk) == 1
    assert locks(desk) == [], "it locks nothing"


def test_a_flatten_closes_everything_if_the_truth_is_too_old() -> None:
    desk = held(OnBlind.FLATTEN)
    desk.trade(ES, 1)
    desk.truth_fails = True
    for _ in range(TRUTH_MS // 10_000 + 1):
        desk.wait(10_000)
        desk.move(ES, 1)
        desk.move(MNQ, 1)

    assert {one.contract_id for one in desk.mutations} == {ES, MNQ}
    assert desk.broker.positions == {}


def test_what_is_opened_while_nothing_is_seen_is_closed_again_in_its_time() -> None:
    desk = held(OnBlind.FLATTEN)
    desk.wait(LIMIT_MS + 2_000)
    assert desk.broker.positions == {}
    desk.trade(MNQ, 1)
    desk.wait(LIMIT_MS - 3_000)
    assert desk.broker.positions[MNQ].size == 1

    desk.wait(5_000)
    assert desk.broker.positions == {}


# I15


@pytest.mark.parametrize("on_blind", OnBlind)
def test_a_shadow_account_only_says_what_it_would_have_done_i15(on_blind: OnBlind) -> None:
    desk = held(on_blind, Mode.SHADOW)
    desk.wait(3 * LIMIT_MS)

    assert len(blind(desk)) == 1
    assert (desk.mutations, locks(desk)) == ([], [])
    would = [one.rule for one in desk.said(WouldHave)]
    assert would == ([] if on_blind is OnBlind.ALARM else [FEED])

"""The ledger against a naive one that keeps every message and recomputes."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from actors.model.ledger import BUCKET_MAX, BUCKETS, Ledger
from protocol.account_facts import Side, TradeSeen
from protocol.units import AccountId, ContractId, Nanos, OrderId, Price, TradeId, Usd

START = Nanos(1_000)


def trade(
    number: int,
    realized: int | None,
    *,
    fees: int = 0,
    commissions: int = 0,
    voided: bool = False,
    at: int = START,
) -> TradeSeen:
    return TradeSeen(
        account_id=AccountId(1),
        trade_id=TradeId(number),
        contract_id=ContractId("CON.F.US.MNQ.Z25"),
        order_id=OrderId(number),
        side=Side.SELL,
        size=1,
        price=Price(1),
        realized=None if realized is None else Usd(realized),
        fees=Usd(fees),
        commissions=Usd(commissions),
        voided=voided,
        at=Nanos(at),
    )


def void(one: TradeSeen) -> TradeSeen:
    return replace(one, voided=True)


def fold(*trades: TradeSeen, started: Nanos = START) -> Ledger:
    ledger = Ledger(started=started)
    for one in trades:
        ledger = ledger.book(one)
    return ledger


def naive(messages: Iterable[TradeSeen], started: Nanos) -> tuple[int, int]:
    """Return the sum with and without costs, from every message ever told."""
    told = list(messages)
    voided = {one.trade_id for one in told if one.voided}
    counted = {one.trade_id: one for one in told if one.trade_id not in voided}
    standing = [one for one in counted.values() if one.at >= started]
    gross = sum(one.realized or 0 for one in standing)
    return gross - sum(one.fees + one.commissions for one in standing), gross


def sums(ledger: Ledger) -> tuple[int, int]:
    return ledger.realized(include_fees=True), ledger.realized(include_fees=False)


WIN = trade(0, 30_000)
LOSS = trade(1, -70_000, fees=7_400, commissions=100)


@pytest.mark.parametrize(
    ("messages", "net", "gross"),
    [
        pytest.param((), 0, 0, id="no trades"),
        pytest.param((LOSS,), -77_500, -70_000, id="fees and commissions come off"),
        pytest.param((trade(1, None, fees=3_700),), -3_700, 0, id="an opening half-turn costs"),
        pytest.param((LOSS, LOSS, LOSS), -77_500, -70_000, id="lesson 45: told thrice"),
        pytest.param((LOSS, trade(2, 100_000)), 22_500, 30_000, id="lesson 47: it accumulates"),
        pytest.param((LOSS, void(LOSS)), 0, 0, id="voided after"),
        pytest.param((void(LOSS), LOSS), 0, 0, id="voided before"),
        pytest.param((LOSS, void(LOSS), LOSS, void(LOSS)), 0, 0, id="voided for good"),
        pytest.param((void(LOSS),), 0, 0, id="void of a trade never seen"),
        pytest.param((trade(1, -5, at=START - 1),), 0, 0, id="before the start"),
        pytest.param((trade(1, -5, at=START),), -5, -5, id="lesson 53: at the start"),
        pytest.param(
            (LOSS, replace(void(LOSS), realized=None, fees=Usd(0), at=Nanos(0))),
            *(0, 0),
            id="a void takes out what was put in, whatever it says itself",
        ),
        pytest.param((LOSS, trade(1, 999)), -77_500, -70_000, id="the first telling counts"),
    ],
)
def test_the_day_is_the_sum_of_its_trades(
    messages: tuple[TradeSeen, ...], net: int, gross: int
) -> None:
    assert sums(fold(*messages)) == (net, gross)


def test_what_changes_nothing_returns_the_same_ledger() -> None:
    ledger = fold(LOSS)

    assert ledger.book(LOSS) is ledger
    assert ledger.book(trade(2, 5, at=START - 1)) is ledger


def test_a_step_that_fails_leaves_the_ledger_as_it_was() -> None:
    ledger = fold(LOSS)
    ledger.book(trade(1 + BUCKETS, -5))
    ledger.book(void(LOSS))

    assert sums(ledger) == (-77_500, -70_000)
    assert ledger == fold(LOSS)


def test_trades_that_stand_are_listed_oldest_first() -> None:
    trades = (trade(70, 1, at=2_000), trade(6, 2, at=1_500), trade(5, 3, at=2_000), void(LOSS))

    assert [one.trade_id for one in fold(*trades).trades] == [6, 5, 70]


@pytest.mark.parametrize(
    ("message", "again"),
    [
        pytest.param(trade(9, 5, at=9_000), False, id="the newest goes to the end"),
        pytest.param(trade(9, 5, at=START), True, id="an older one goes where it belongs"),
        pytest.param(void(trade(9, 5, at=9_000)), True, id="a void of one that is yet to come"),
        pytest.param(void(WIN), True, id="a void"),
    ],
)
def test_the_list_grows_at_its_end_or_is_made_again(message: TradeSeen, *, again: bool) -> None:
    before = fold(WIN, replace(LOSS, at=Nanos(START + 1)))
    after = before.book(message)
    listed = after.trades_since(before, before.trades)

    assert listed == after.trades
    assert (listed == (*before.trades, message)) != again


def test_a_part_that_is_full_loses_its_oldest_from_the_list_too() -> None:
    before = fold(*(trade(number * BUCKETS, 1, at=START + number) for number in range(BUCKET_MAX)))
    after = before.book(trade(BUCKET_MAX * BUCKETS, 1, at=9_000))

    assert after.trades_since(before, before.trades) == after.trades


def test_truth_replaces_what_was_heard() -> None:
    ledger = fold(LOSS, trade(2, -5)).rebuilt((LOSS, trade(3, 11)), also=(trade(4, 7), LOSS))

    assert sums(ledger) == (-77_500 + 18, -70_000 + 18)


def test_truth_does_not_bring_back_a_void() -> None:
    assert sums(fold(LOSS, void(LOSS)).rebuilt((LOSS,))) == (0, 0)
    assert sums(fold(LOSS).rebuilt((LOSS,), also=(void(LOSS),))) == (0, 0)
    assert sums(fold(LOSS).rebuilt((void(LOSS),), also=(LOSS,))) == (0, 0)


def test_the_next_day_keeps_what_came_early() -> None:
    early = trade(2, 30, fees=1, at=5_000)
    ledger = fold(LOSS, early, void(trade(3, 9, at=6_000))).next_day(Nanos(5_000))

    assert sums(ledger) == (29, 30)
    assert sums(ledger.book(early).book(trade(3, 9, at=6_000)).book(LOSS)) == (29, 30)


def test_a_day_is_bounded_and_its_sum_is_not() -> None:
    ledger = fold(*(trade(number * BUCKETS, 1) for number in range(BUCKET_MAX + 10)))

    assert [len(bucket) for bucket in ledger.buckets if bucket] == [BUCKET_MAX]
    assert sums(ledger) == (BUCKET_MAX + 10, BUCKET_MAX + 10)


numbers = st.integers(0, 200)
amounts = st.integers(-5_000_000, 5_000_000)
instants = st.integers(START - 20, START + 100)
trades = st.builds(
    trade,
    numbers,
    st.none() | amounts,
    fees=st.integers(0, 50_000),
    commissions=st.integers(0, 50_000),
    at=instants,
)
days = st.lists(trades, max_size=30, unique_by=lambda one: one.trade_id)


@given(days, st.data())
def test_i16_order_and_number_of_messages_make_no_difference(
    day: list[TradeSeen], data: st.DataObject
) -> None:
    chosen = data.draw(st.sets(st.sampled_from(day))) if day else set[TradeSeen]()
    messages = [*day, *(void(one) for one in sorted(chosen, key=lambda one: one.trade_id))]
    copies = [one for one in messages for _ in range(data.draw(st.integers(1, 3)))]

    ledger = fold(*data.draw(st.permutations(copies)))

    assert ledger == fold(*messages)
    assert sums(ledger) == naive(messages, START)


class Days(RuleBasedStateMachine):
    """Trade, echo, void, read truth and roll the day, in any order."""

    told = Bundle("told")

    @initialize()
    def begin(self) -> None:
        self.ledger = Ledger(started=START)
        self.messages: list[TradeSeen] = []
        self.number = 0
        self.listed: tuple[TradeSeen, ...] = ()
        self.before = self.ledger

    def hear(self, message: TradeSeen) -> None:
        self.ledger = self.ledger.book(message)
        self.messages.append(message)

    def fresh(self, realized: int | None, fees: int, at: int) -> TradeSeen:
        self.number += 1
        return trade(self.number, realized, fees=fees, at=at)

    @rule(target=told, realized=st.none() | amounts, fees=st.integers(0, 99), at=instants)
    def a_trade_is_seen(self, realized: int | None, fees: int, at: int) -> TradeSeen:
        one = self.fresh(realized, fees, at)
        self.hear(one)
        return one

    @rule(target=told, realized=st.none() | amounts, fees=st.integers(0, 99), at=instants)
    def a_trade_is_missed(self, realized: int | None, fees: int, at: int) -> TradeSeen:
        return self.fresh(realized, fees, at)

    @rule(one=told)
    def it_is_told_again(self, one: TradeSeen) -> None:
        self.hear(one)

    @rule(one=told)
    def it_is_voided(self, one: TradeSeen) -> None:
        self.hear(void(one))

    @rule(data=st.data())
    def truth_is_read(self, data: st.DataObject) -> None:
        heard = [*self.messages, self.fresh(-7, 1, START + 1)]
        truth = data.draw(st.lists(st.sampled_from(heard), max_size=20))
        also = data.draw(st.lists(st.sampled_from(heard), max_size=5))
        self.ledger = self.ledger.rebuilt(truth, also)
        # Voids heard on the way from an earlier day concern trades that no longer count.
        voids = [one for one in self.messages if one.voided]
        self.messages = [*voids, *truth, *also]

    @rule(later=st.integers(0, 30))
    def the_day_rolls(self, later: int) -> None:
        self.ledger = self.ledger.next_day(Nanos(self.ledger.started + later))

    @invariant()
    def the_sums_are_the_naive_ones(self) -> None:
        assert sums(self.ledger) == naive(self.messages, self.ledger.started)

    @rule()
    def they_are_listed(self) -> None:
        """I16: what was listed before is a short cut, and nothing else."""
        self.listed = self.ledger.trades_since(self.before, self.listed)
        self.before = self.ledger
        assert self.listed == self.ledger.trades

    @invariant()
    def the_listed_trades_make_the_gross(self) -> None:
        listed = sum(one.realized or 0 for one in self.ledger.trades)
        assert listed == self.ledger.realized(include_fees=False)


TestDays = Days.TestCase

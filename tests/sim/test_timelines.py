"""I16: every order and duplication of an episode's messages ends alike, in book and in commands.

The episodes are recorded ones, at their prices (T1 to T9).  Each is a row of moments; what the hub
says of one moment comes in every order, with any of its messages told twice.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import permutations
from typing import NamedTuple

import pytest

from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rules import (
    cooldown_after_loss,
    daily_realized_loss,
    daily_unrealized_loss,
    max_contracts,
    trade_frequency_limit,
)
from actors.rules.rule import RuleParams
from protocol.account_facts import OrderSeen, OrderType, PositionSeen
from protocol.answers import Answered, Outcome
from protocol.commands import Mutation
from protocol.message import Message
from protocol.units import MILLISECOND, PRICE, USD, ContractId, Price, RuleName
from tests.actors.loyal import PATH, Desk
from tests.actors.rig import later
from tests.sim.broker import ACCOUNT, ES, FEE, MNQ, Fact

type Moment = Callable[[Desk], list[Fact]]


class Ending(NamedTuple):
    """What an episode left behind, and what the broker did about it for us.

    A close that it refuses is none: the money of an exit may be told before the position goes.
    """

    held: dict[ContractId, int]
    orders: tuple[int, ...]
    gross: int
    commands: tuple[tuple[str, ContractId], ...]
    locks: tuple[str, ...]


def price(text: str) -> Price:
    return Price(int(Decimal(text) * PRICE))


def fill(signed: int, at: str, contract_id: ContractId = MNQ) -> Moment:
    def moment(desk: Desk) -> list[Fact]:
        desk.broker.prices[contract_id] = price(at)
        return desk.broker.market(contract_id, signed, desk.now.wall)

    return moment


def rest(signed: int, kind: OrderType, at: str) -> Moment:
    return lambda desk: desk.broker.rest(MNQ, signed, kind, price(at), desk.now.wall)


def exit_with_brackets(signed: int, at: str) -> Moment:
    """Exit by hand: fill, both brackets cancelled, position flat, all in one second."""

    def moment(desk: Desk) -> list[Fact]:
        facts = fill(signed, at)(desk)
        for order_id in tuple(desk.broker.orders):
            facts += desk.broker.cancel(order_id, desk.now.wall)
        return facts

    return moment


def stopped(ticks: int) -> Moment:
    return lambda desk: desk.broker.move(MNQ, ticks, desk.now.wall)


EPISODES: dict[str, tuple[Moment, ...]] = {
    "T1 open, close by hand": (fill(2, "25900"), fill(-2, "25898.25")),
    "T2 brackets in the UI": (
        fill(1, "25935.5"),
        rest(-1, OrderType.STOP, "25910.5"),
        rest(-1, OrderType.LIMIT, "25982.5"),
        exit_with_brackets(-1, "25926.5"),
    ),
    "T3 fast re-entries": (
        fill(5, "25924.5"),
        fill(-5, "25925.5"),
        fill(4, "25925.5"),
        fill(-4, "25922.75"),
    ),
    "T4 scaled loss": (
        fill(1, "26259"),
        fill(-1, "26258.75"),
        fill(4, "26258.5"),
        fill(-4, "26254.75"),
    ),
    "T5": (fill(5, "26271.5"), fill(-5, "26270.75")),
    "T6 two products": (
        fill(1, "26233.25"),
        fill(-1, "26233.75"),
        fill(1, "6000", ES),
        fill(-1, "5999.75", ES),
    ),
    "T7 stopped out": (
        fill(1, "26246"),
        rest(-1, OrderType.STOP, "26242.25"),
        stopped(-15),
    ),
    "T8 open while locked": (
        fill(2, "25900"),
        fill(-2, "25898.25"),
        fill(1, "25897.75"),
    ),
    "T9 echo of our own close": (fill(4, "25900"),),
}
GROSS = {
    "T1 open, close by hand": "-7",
    "T2 brackets in the UI": "-18",
    "T3 fast re-entries": "-12",
    "T4 scaled loss": "-30.5",
    "T5": "-7.5",
    "T6 two products": "-11.5",
    "T7 stopped out": "-7.5",
    "T8 open while locked": "-7",
    "T9 echo of our own close": "0",
}
LOCKING = "T8 open while locked"


def plan(name: str) -> AccountPlan:
    """Return an account that T8 locks, that T9 has one contract too many for, and no other."""
    loss = Decimal(-7) - 2 * 2 * Decimal(FEE) / USD if name == LOCKING else Decimal(-500)
    return AccountPlan(
        account_id=ACCOUNT,
        name="practice",
        reset=ResetSchedule(),
        rules={
            max_contracts.NAME: max_contracts.Params(limit=3 if name.startswith("T9") else 5),
            daily_realized_loss.NAME: daily_realized_loss.Params(limit=loss, combined=False),
            daily_unrealized_loss.NAME: daily_unrealized_loss.Params(limit=Decimal(-400)),
        },
    )


def orders_of(facts: list[Fact]) -> Iterator[list[Fact]]:
    """Yield the facts in every order, and in each with one of them told twice, at once or last.

    All of a moment is told before the echo of what we do about it.
    """
    for order in permutations(facts):
        yield list(order)
        for number, fact in enumerate(order):
            yield [*order[: number + 1], fact, *order[number + 1 :]]
            yield [*order, fact]


class Exact(Desk):
    """A desk that notes which commands the broker carried out."""

    def __init__(self, one: AccountPlan) -> None:
        self.done: list[tuple[str, ContractId]] = []
        super().__init__(one)

    def tell(self, facts: list[Fact]) -> None:
        """Put in all that a moment brings, and then what comes of it."""
        self._mail.extend(facts)
        self._settle()

    def _execute(self, command: Mutation) -> Message:
        answer = super()._execute(command)
        if isinstance(answer, Answered) and answer.outcome is Outcome.ACCEPTED:
            self.done.append((type(command).__name__, command.contract_id))
        return answer


def play(name: str, moments: tuple[Moment, ...], at: int, number: int) -> Ending | None:
    """Play an episode with the facts of one moment in their n-th order; None if there is none."""
    desk = Exact(plan(name))
    for index, moment in enumerate(moments):
        facts = moment(desk)
        if index == at:
            found = next((one for n, one in enumerate(orders_of(facts)) if n == number), None)
            if found is None:
                return None
            facts = found
        desk.tell(facts)
        desk.wait(1_000)
    desk.wait(5_000)
    state = desk.runtime.states[PATH]
    return Ending(
        held={key: row.seen.size for key, row in state.book.rows.items()},
        orders=tuple(state.book.orders),
        gross=state.ledger.gross,
        commands=tuple(desk.done),
        locks=tuple(one.rule for one in state.locks),
    )


@pytest.mark.parametrize("name", EPISODES)
def test_i16_every_order_and_duplication_of_an_episode_ends_alike(name: str) -> None:
    moments = EPISODES[name]
    plain = play(name, moments, -1, 0)
    assert plain is not None
    assert plain.gross == int(Decimal(GROSS[name]) * USD)

    told = 0
    for at in range(len(moments)):
        number = 0
        while (found := play(name, moments, at, number)) is not None:
            assert found == plain, f"moment {at}, order {number}"
            number += 1
            if number >= MOST:
                break
        told += number
    assert told >= len(moments) * 2


MOST = 200
"""Of five messages there are 1,320 tellings; these are the first of them, and all of four."""


@pytest.mark.parametrize("number", range(3))
def test_i16_a_copy_after_the_echo_of_a_reduction_causes_no_second_one(number: int) -> None:
    """A row has no version: a copy of the older one sends the desk to the broker for the truth."""
    name = "T9 echo of our own close"
    (moment,) = EPISODES[name]
    desk = Exact(plan(name))
    facts = moment(desk)
    desk.tell(facts)
    desk.wait(1_000)

    desk.tell([facts[number]])
    desk.wait(5_000)

    assert desk.done == [("PartialClose", MNQ)]
    assert {key: one.size for key, one in desk.broker.positions.items()} == {MNQ: 3}


def test_i16_what_is_opened_under_a_lock_is_closed_once() -> None:
    outcome = play(LOCKING, EPISODES[LOCKING], -1, 0)

    assert outcome is not None
    assert outcome.locks == (daily_realized_loss.NAME,)
    assert outcome.held == {}
    assert outcome.commands == (("CloseContract", MNQ),)


def test_i16_the_echo_of_a_reduction_causes_no_second_one() -> None:
    name = "T9 echo of our own close"
    outcome = play(name, EPISODES[name], -1, 0)

    assert outcome is not None
    assert outcome.held == {MNQ: 3}
    assert outcome.commands == (("PartialClose", MNQ),)


def soon_after(*moments: Moment) -> Moment:
    """Let things happen within a few milliseconds, and be told of all of them together."""

    def moment(desk: Desk) -> list[Fact]:
        facts: list[Fact] = []
        for one in moments:
            facts += one(desk)
            desk.now = later(desk.now, 20 * MILLISECOND)
        return facts

    return moment


class Cooling(NamedTuple):
    """An episode under a cooldown that lets positions stay, and what must be left of it."""

    rule: RuleName
    params: RuleParams
    moments: tuple[Moment, ...]
    held: dict[ContractId, int]


def often(most: int) -> tuple[RuleName, RuleParams]:
    keys = trade_frequency_limit.Params(per_minute=most, cooldown_minute="10m")
    return trade_frequency_limit.NAME, keys


LOST = (cooldown_after_loss.NAME, cooldown_after_loss.Params(flatten=False))
AGAIN = soon_after(fill(-2, "26000"), fill(2, "26000.25"))
COOLINGS = {
    "left and entered again": Cooling(*often(1), (fill(1, "26000"), fill(1, "26000"), AGAIN), {}),
    "the entry too many follows its like": Cooling(*often(1), (fill(2, "26000"), AGAIN), {MNQ: 2}),
    "the entry after the one too many": Cooling(
        *often(1), (fill(2, "26000"), soon_after(fill(1, "26000"), fill(3, "26000"))), {MNQ: 3}
    ),
    "entered again after the loss": Cooling(
        *LOST,
        (
            fill(1, "6000", ES),
            fill(2, "26060"),
            soon_after(fill(-2, "26000"), fill(2, "26000")),
        ),
        {ES: 1},
    ),
    "turned around at a loss": Cooling(*LOST, (fill(2, "26060"), fill(-4, "26000")), {MNQ: -2}),
}


@pytest.mark.parametrize("name", COOLINGS)
def test_i16_what_a_cooldown_lets_stay_hangs_on_no_order_of_messages(name: str) -> None:
    """But for that of one position's own messages: rows have no version."""
    one = COOLINGS[name]
    rules = {one.rule: one.params}
    guarded = AccountPlan(account_id=ACCOUNT, name="practice", reset=ResetSchedule(), rules=rules)
    told = 0
    for order in permutations(range(len(told_of(one, before(one, guarded))))):
        desk = before(one, guarded)
        facts = told_of(one, desk)
        rows = shown([facts[number] for number in order])
        if len({row.position_id for row in rows}) == 1 and rows != shown(facts):
            continue
        desk.tell([facts[number] for number in order])
        desk.wait(5_000)
        held = {key: seen.size for key, seen in desk.broker.positions.items()}
        assert held == one.held, order
        told += 1
    assert told


def told_of(one: Cooling, desk: Desk) -> list[Fact]:
    """Have the last moment happen, and return what is told of it but for the orders."""
    return [fact for fact in one.moments[-1](desk) if not isinstance(fact, OrderSeen)]


def shown(facts: list[Fact]) -> list[PositionSeen]:
    return [fact for fact in facts if isinstance(fact, PositionSeen)]


def before(one: Cooling, guarded: AccountPlan) -> Exact:
    """Return a desk as it is before the last moment of an episode."""
    desk = Exact(guarded)
    for moment in one.moments[:-1]:
        desk.tell(moment(desk))
        desk.wait(1_000)
    return desk

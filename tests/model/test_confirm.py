"""A price on which a whole account would be closed is borne out first, or has stood long enough."""

import pytest
from msgspec.structs import replace

from actors.model.confirm import UNCONFIRMED, Doubt, weigh
from actors.model.headroom import ANY_PRICE
from actors.rules.rule import Judgement, RuleState, Wake
from protocol.book import BookView, Holding
from protocol.enforcement import Aim, Breach, Goal, Priority
from protocol.schedule import Clock
from protocol.units import MILLISECOND, ContractId, Nanos, Now, RuleName
from tests.rules.books import ES, MNQ, priced, view

CONFIRM = Nanos(250 * MILLISECOND)


def at(ms: int) -> Now:
    return Now(wall=Nanos(0), mono=Nanos(10**12 + ms * MILLISECOND))


def held(contract_id: ContractId, ms: int, prints: int) -> Holding:
    """Return a position whose price came then, as the so-manieth."""
    one = priced(contract_id, 1, "6000", "5990")
    return replace(one, priced=at(ms).mono, prints=prints)


def book(*holdings: Holding, confirm: Nanos = CONFIRM) -> BookView:
    return replace(view(*holdings), confirm=confirm)


def judged(*kinds: str) -> Judgement[RuleState]:
    breaches = tuple(
        Breach(rule=RuleName("r"), priority=Priority.HARD_LOCKOUT, goals=(Goal(aim=Aim.FLATTEN),),
               why="so it is", doubtful=one == "doubtful")
        for one in kinds
    )  # fmt: skip
    return Judgement(RuleState(), "-500", "-510", breaches)


class Story:
    """Judgements one after the other."""

    def __init__(self) -> None:
        self.doubt: Doubt | None = None
        self.acted = False
        self.last = judged()

    def tell(self, ms: int, *holdings: Holding, crossed: bool = True, sure: bool = False) -> bool:
        """Return whether the account is acted on after this judgement."""
        told = judged("sure" if sure else "doubtful") if crossed else judged()
        self.last, self.doubt = weigh(self.doubt, told, book(*holdings), at(ms), acted=self.acted)
        self.acted = bool(self.last.breaches)
        return self.acted


def test_one_price_waits_and_a_second_bears_it_out() -> None:
    story = Story()
    assert not story.tell(0, held(MNQ, 0, 7))
    assert not story.tell(1, held(MNQ, 0, 7)), "the same price again is no second one"
    assert story.tell(2, held(MNQ, 2, 8))


def test_a_price_that_stands_until_the_time_is_over_counts() -> None:
    story = Story()
    assert not story.tell(0, held(MNQ, 0, 7))
    assert not story.tell(249, held(MNQ, 0, 7))
    assert story.tell(250, held(MNQ, 0, 7))


def test_a_price_that_was_contradicted_does_not() -> None:
    story = Story()
    assert not story.tell(0, held(MNQ, 0, 7))
    assert not story.tell(5, held(MNQ, 5, 8), crossed=False)
    assert not story.tell(250, held(MNQ, 5, 8), crossed=False)
    assert story.doubt is None
    assert not story.tell(400, held(MNQ, 400, 9)), "the next one is doubted afresh"


def test_a_doubt_whose_time_was_missed_does_not_believe_the_next_absurd_price() -> None:
    story = Story()
    story.tell(0, held(MNQ, 0, 7))
    story.tell(5, held(MNQ, 5, 8), crossed=False)

    assert not story.tell(3_600_000, held(MNQ, 3_600_000, 9))
    assert story.tell(3_600_010, held(MNQ, 3_600_010, 10))


def test_a_market_that_trembles_around_the_bound_is_believed_at_its_second_crossing() -> None:
    story = Story()
    assert not story.tell(0, held(MNQ, 0, 7))
    assert not story.tell(10, held(MNQ, 10, 8), crossed=False)
    assert story.tell(20, held(MNQ, 20, 9))


def test_another_contracts_price_bears_nothing_out() -> None:
    story = Story()
    quiet = held(ES, -10_000, 3)
    assert not story.tell(0, held(MNQ, 0, 7), quiet)
    assert not story.tell(5, held(MNQ, 0, 7), held(ES, 5, 4))
    assert story.tell(9, held(MNQ, 9, 8), held(ES, 5, 4))


def test_every_young_price_wants_to_be_borne_out() -> None:
    story = Story()
    assert not story.tell(0, held(MNQ, 0, 7), held(ES, -50, 3))
    assert not story.tell(5, held(MNQ, 0, 7), held(ES, 5, 4))
    assert not story.tell(6, held(MNQ, 0, 7), held(ES, 6, 5))
    assert story.tell(7, held(MNQ, 7, 8), held(ES, 6, 5))


def test_a_contract_that_is_closed_meanwhile_is_waited_for_no_more() -> None:
    story = Story()
    assert not story.tell(0, held(MNQ, 0, 7), held(ES, -10_000, 3))
    assert story.tell(5, held(ES, -10_000, 3))


def test_prices_that_have_stood_are_believed_at_once() -> None:
    """A trade was booked, a position grew, a desk has started: no price is new."""
    assert Story().tell(0, held(MNQ, -250, 7))
    assert not Story().tell(0, held(MNQ, -249, 7))


def test_what_bid_ask_and_last_all_say_is_believed_at_once() -> None:
    assert Story().tell(0, held(MNQ, 0, 7), sure=True)


def test_what_was_acted_on_is_not_doubted_again() -> None:
    story = Story()
    assert story.tell(0, held(MNQ, 0, 7), sure=True)
    assert story.tell(1, held(MNQ, 1, 8))


def test_without_a_time_to_confirm_the_first_price_counts() -> None:
    now = book(held(MNQ, 0, 7), confirm=Nanos(0))

    assert weigh(None, judged("doubtful"), now, at(0), acted=False)[0].breaches


def test_while_it_waits_the_rule_asks_for_every_price_and_for_the_time() -> None:
    story = Story()
    story.tell(0, held(MNQ, 0, 7), held(ES, -10_000, 3))

    assert {(one.contract_id, one.low) for one in story.last.triggers} == {
        (MNQ, ANY_PRICE),
        (ES, ANY_PRICE),
    }
    assert story.last.wake == Wake(Clock.MONO, at(250).mono)
    assert story.last.unknown == UNCONFIRMED, "it is not known to be well (I7)"
    assert story.last.used == "-510"


def test_a_sure_breach_beside_a_doubtful_one_acts() -> None:
    told, doubt = weigh(None, judged("doubtful", "sure"), book(held(MNQ, 0, 7)), at(0), acted=False)

    assert [one.doubtful for one in told.breaches] == [False]
    assert doubt is not None


@pytest.mark.parametrize("ms", [0, 1, 100, 249])
def test_a_lone_absurd_price_never_acts(ms: int) -> None:
    story = Story()
    story.tell(0, held(MNQ, 0, 7))

    assert not any(
        story.tell(ms + n, held(MNQ, ms + n, 8 + n), crossed=False) for n in range(1, 600)
    )

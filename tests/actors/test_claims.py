"""What enforcement claims of a minute that runs out, and what becomes of what is put off."""

from collections.abc import Sequence

import pytest

from actors.model.claims import ASK_AGAIN, CLOSE_WAITS_MAX, WAITS_MAX
from protocol.answers import RESERVED, Answered, Outcome
from protocol.book import BookView
from protocol.commands import CancelOrder, Claim, CloseContract, Mutation
from protocol.decisions import EnforcementConfirmed, EnforcementFailing
from protocol.enforcement import TruthUnknown
from protocol.units import MILLISECOND
from tests.actors.rig import ACCOUNT, FLAT, FLATTEN, MNQ, EnforcerBench, book, held, order

LADEN = book(held(MNQ, 2), orders=(order(7),))
EMPTY_OF_ORDERS = book(held(MNQ, 2))
ASK_MS = ASK_AGAIN // MILLISECOND
NO, YES, UNSURE = Outcome.REFUSED, Outcome.ACCEPTED, Outcome.UNCERTAIN


def claims(commands: Sequence[Mutation]) -> list[tuple[type[Mutation], Claim]]:
    return [(type(one), one.claim) for one in commands]


def flattening(view: BookView = LADEN) -> EnforcerBench:
    bench = EnforcerBench()
    bench.enforce(FLATTEN, view=view)
    return bench


def all_answered(bench: EnforcerBench, outcome: Outcome, why: str = "") -> None:
    for one in bench.state.kept.flights:
        command_id = one.command.command_id
        bench.tell(Answered(command_id=command_id, account_id=ACCOUNT, outcome=outcome, why=why))


def refused(bench: EnforcerBench) -> None:
    """Have everything in the air refused, and the truth read until there is a next try."""
    before = len(bench.mutations)
    all_answered(bench, NO, "OrderRejected")
    for _ in range(20):
        bench.wait(250)
        if bench.reading() is not None:
            bench.truth(LADEN)
        if len(bench.mutations) > before:
            return
    raise AssertionError("no next try")


def put_off_read(bench: EnforcerBench) -> None:
    command_id = bench.reading()
    assert command_id is not None
    bench.tell(TruthUnknown(command_id=command_id, why=RESERVED, asked=False))


def test_a_first_close_asks_nobody_and_the_cancels_beside_it_leave_some_to_closes() -> None:
    assert claims(flattening().mutations) == [
        (CloseContract, Claim.AT_ONCE),
        (CancelOrder, Claim.FIRST),
    ]


def test_what_was_tried_once_in_vain_comes_before_what_was_tried_more_often() -> None:
    bench = flattening()
    refused(bench)
    assert claims(bench.mutations[2:]) == [
        (CloseContract, Claim.ONCE_MORE),
        (CancelOrder, Claim.ONCE_MORE),
    ]

    refused(bench)
    assert {one.claim for one in bench.mutations[4:]} == {Claim.AGAIN}


def test_what_is_newly_held_is_closed_at_once_whatever_was_refused_before() -> None:
    bench = flattening(EMPTY_OF_ORDERS)
    for _ in range(3):
        all_answered(bench, NO, "OrderRejected")
        bench.wait(300)
        bench.truth(EMPTY_OF_ORDERS)
        bench.wait(5_000)
    assert bench.mutations[-1].claim is Claim.AGAIN
    bench.shows(FLAT)
    all_answered(bench, NO, "PositionNotFound")
    bench.shows(FLAT)
    bench.shows(book(held(MNQ, 1, grew=2)))

    assert claims(bench.mutations[-1:]) == [(CloseContract, Claim.AT_ONCE)]


def test_a_deed_put_off_is_no_attempt_reads_nothing_and_is_asked_for_again() -> None:
    bench = EnforcerBench()
    bench.enforce(FLATTEN, view=book(orders=(order(7),)))
    bench.answers(NO, RESERVED)
    bench.wait(ASK_MS - 1)
    assert claims(bench.mutations) == [(CancelOrder, Claim.FIRST)]

    bench.wait(1)
    assert claims(bench.mutations) == [(CancelOrder, Claim.FIRST)] * 2
    assert bench.heard(EnforcementFailing) == []


def test_nothing_is_read_while_what_is_lacking_has_not_even_left() -> None:
    bench = EnforcerBench()
    bench.enforce(FLATTEN, view=LADEN)
    bench.answers(YES, which=0)
    bench.answers(NO, RESERVED, which=1)
    bench.shows(book(orders=(order(7),)))
    bench.wait(ASK_MS)
    assert bench.reads == []

    bench.answers(YES)
    bench.shows(FLAT)
    bench.wait(100)
    assert bench.last_read.claim is Claim.FIRST


@pytest.mark.parametrize(
    ("kind", "claim", "wait"),
    [
        pytest.param(CloseContract, Claim.FIRST, CLOSE_WAITS_MAX, id="a close comes first"),
        pytest.param(CloseContract, Claim.AT_ONCE, WAITS_MAX, id="a close"),
        pytest.param(CancelOrder, Claim.AT_ONCE, WAITS_MAX, id="a cancel"),
    ],
)
def test_i4_nothing_is_put_off_for_good_however_wrong_the_count_is(
    kind: type[Mutation], claim: Claim, wait: int
) -> None:
    bench = flattening()
    refused(bench)
    first = bench.now.mono
    while (kind, claim) not in claims(bench.mutations[2:]):
        all_answered(bench, NO, RESERVED)
        bench.wait(1_000)
        if bench.reading() is not None:
            put_off_read(bench)
        assert bench.now.mono <= first + wait + 2 * ASK_AGAIN
    assert bench.now.mono >= first + wait - ASK_AGAIN


def test_a_read_put_off_takes_back_no_proof_and_proves_nothing() -> None:
    bench = flattening()
    all_answered(bench, YES)
    bench.shows(FLAT)
    bench.wait(100)
    assert bench.last_read.claim is Claim.FIRST
    bench.truth(FLAT)
    bench.wait(400)
    put_off_read(bench)
    assert bench.heard(EnforcementConfirmed) == []

    bench.wait(ASK_MS)
    bench.truth(FLAT)
    assert len(bench.heard(EnforcementConfirmed)) == 1


def test_a_read_put_off_long_enough_leaves_at_once_or_the_close_that_waits_for_it_never_would() -> (
    None
):
    bench = flattening()
    all_answered(bench, UNSURE, "429")
    bench.wait(100)
    since = bench.now.mono
    while bench.last_read.claim is not Claim.AT_ONCE:
        put_off_read(bench)
        bench.wait(ASK_MS)
        assert len(bench.mutations) == 2, "nothing is sent again before a read"
        assert bench.now.mono <= since + WAITS_MAX + 2 * ASK_AGAIN
    assert bench.now.mono >= since + WAITS_MAX - ASK_AGAIN

    bench.truth(LADEN)
    bench.wait(1_000)
    assert (CloseContract, Claim.ONCE_MORE) in claims(bench.mutations[2:])


def test_looks_at_what_is_still_lacking_give_way_to_first_ones() -> None:
    bench = flattening()
    refused(bench)
    all_answered(bench, NO, "OrderRejected")
    bench.wait(1_000)

    assert bench.last_read.claim is Claim.AGAIN

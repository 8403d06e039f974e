"""The enforcer, in virtual time: what it sends, when it sends it again, and what it calls proof."""

import pytest

from actors.enforcer import Enforcer
from actors.model.pacing import ANSWER_MAX, LOOK, QUIET, READ_MAX, RETRY, RETRY_MAX, SETTLE
from protocol.account_facts import OrderStatus
from protocol.answers import Answered, Outcome
from protocol.commands import CancelOrder, CloseContract, PartialClose
from protocol.decisions import (
    EnforcementConfirmed,
    EnforcementFailing,
    EnforcementMerged,
    EnforcementRequested,
    EnforcementWithdrawn,
)
from protocol.enforcement import Enforced
from protocol.units import MILLISECOND, Nanos, OrderId
from tests.actors.rig import (
    ACCOUNT,
    COUNT,
    ES,
    FLAT,
    FLATTEN,
    LOSS,
    MNQ,
    EnforcerBench,
    book,
    flatten,
    held,
    order,
    reduce,
)

TWO = book(held(MNQ, 2))
ACCEPTED, REFUSED, UNCERTAIN = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.UNCERTAIN
LOOK_MS, QUIET_MS, SETTLE_MS, RETRY_MS, RETRY_MAX_MS, ANSWER_MAX_MS, READ_MAX_MS = (
    one // MILLISECOND for one in (LOOK, QUIET, SETTLE, RETRY, RETRY_MAX, ANSWER_MAX, READ_MAX)
)


def flattening() -> EnforcerBench:
    """Return an enforcer that has just sent a close."""
    bench = EnforcerBench()
    bench.enforce(FLATTEN, view=TWO)
    return bench


# What is sent


def test_an_idle_enforcer_asks_and_sends_nothing() -> None:
    bench = EnforcerBench()
    bench.shows(TWO)
    bench.wait(60_000)

    assert (bench.mutations, bench.reads, bench.timers) == ([], [], {})


def test_a_demand_is_served_in_the_same_step() -> None:
    bench = EnforcerBench()
    bench.enforce(FLATTEN, view=book(held(MNQ, 2), held(ES, -1), orders=(order(7),)))

    assert [(type(one), one.contract_id) for one in bench.mutations] == [
        (CloseContract, MNQ),
        (CloseContract, ES),
        (CancelOrder, MNQ),
    ]
    assert len({one.command_id for one in bench.mutations}) == len(bench.mutations)
    assert len(bench.heard(EnforcementRequested)) == 1


def test_a_reduction_closes_the_excess() -> None:
    bench = EnforcerBench()
    bench.enforce(reduce(MNQ, 2), view=book(held(MNQ, -5)), rule=COUNT)

    assert bench.mutations == [
        PartialClose(command_id="1001/e2", account_id=ACCOUNT, contract_id=MNQ, size=3)
    ]


def test_an_unknown_book_is_read_not_acted_upon() -> None:
    bench = EnforcerBench()
    bench.enforce(FLATTEN, view=book(held(MNQ, 2), known=False))

    assert bench.mutations == []
    assert bench.reading() is not None


def test_what_appears_during_a_flatten_is_closed_at_once() -> None:
    bench = flattening()
    bench.shows(book(held(MNQ, 2), held(ES, 1), orders=(order(9, ES),)))

    assert [type(one) for one in bench.mutations] == [CloseContract, CloseContract, CancelOrder]


def test_other_keys_go_on_while_one_hangs_i4() -> None:
    bench = flattening()
    bench.wait(5_000)
    bench.shows(book(held(MNQ, 2), held(ES, 1)))

    assert [one.contract_id for one in bench.mutations] == [MNQ, ES]


# At most one unresolved mutation per position and per order: I10


def test_the_book_may_show_it_a_hundred_times_i10() -> None:
    bench = flattening()
    for size in (2, 3, 2, 1, 2) * 20:
        bench.shows(book(held(MNQ, size)))
        bench.enforce(FLATTEN, view=book(held(MNQ, size)))
        bench.enforce(flatten(MNQ), view=book(held(MNQ, size)), rule=COUNT)
        bench.wait(10)

    assert len(bench.mutations) == 1


@pytest.mark.parametrize("outcome", [UNCERTAIN, REFUSED])
def test_without_a_yes_nothing_is_sent_before_a_later_read_i10(outcome: Outcome) -> None:
    bench = flattening()
    bench.answers(outcome, "timed out")
    for _ in range(50):
        bench.shows(book(held(MNQ, 2)))
        bench.wait(200)
        if bench.reading() is not None:
            bench.unknown()

    assert len(bench.mutations) == 1


def test_an_uncertain_close_holds_back_the_next_position_too_i10() -> None:
    """The hub says that it is gone; only a read says whether another close is still coming."""
    bench = flattening()
    bench.answers(UNCERTAIN)
    bench.shows(FLAT)
    bench.shows(book(held(MNQ, 1, grew=2)))
    bench.wait(LOOK_MS)
    assert len(bench.mutations) == 1

    bench.truth(book(held(MNQ, 1, grew=2)))
    bench.wait(RETRY_MS)
    assert len(bench.mutations) == 2


def test_a_refused_close_holds_back_no_later_position() -> None:
    bench = flattening()
    bench.answers(REFUSED, "PositionNotFound")
    bench.shows(FLAT)
    bench.shows(book(held(MNQ, 1, grew=2)))

    assert len(bench.mutations) == 2


def test_a_read_that_left_before_the_answer_resolves_nothing_i10() -> None:
    bench = flattening()
    bench.wait(1_000)
    before = bench.now.mono
    bench.wait(10)
    bench.answers(UNCERTAIN)
    bench.wait(LOOK_MS)
    bench.truth(TWO, asked=before)
    bench.wait(250)

    assert len(bench.mutations) == 1


def test_a_later_read_that_shows_it_still_there_lets_it_be_sent_again() -> None:
    bench = flattening()
    bench.answers(UNCERTAIN)
    bench.wait(LOOK_MS)
    bench.truth(TWO)
    assert len(bench.mutations) == 1, "the back-off runs from the answer"

    bench.wait(RETRY_MS)
    assert [type(one) for one in bench.mutations] == [CloseContract, CloseContract]
    assert bench.mutations[0].command_id != bench.mutations[1].command_id


def test_an_answer_that_never_comes_is_an_uncertain_one() -> None:
    bench = flattening()
    bench.wait(ANSWER_MAX_MS - 1)
    assert bench.state.kept.flights
    bench.wait(1 + LOOK_MS)

    assert not bench.state.kept.flights
    assert len(bench.mutations) == 1
    bench.truth(TWO)
    bench.wait(RETRY_MS)
    assert len(bench.mutations) == 2


def test_a_late_answer_to_what_was_given_up_changes_nothing() -> None:
    bench = flattening()
    bench.wait(ANSWER_MAX_MS + LOOK_MS)
    before = bench.state
    bench.answers(ACCEPTED)

    assert bench.state == before


def test_somebody_elses_answer_changes_nothing() -> None:
    bench = flattening()
    before = bench.state
    bench.tell(Answered(command_id="1001/e999", account_id=ACCOUNT, outcome=ACCEPTED))

    assert bench.state == before


# Answers and back-off


def test_an_accepted_close_is_waited_for_then_looked_after() -> None:
    bench = flattening()
    bench.answers(ACCEPTED)
    bench.wait(LOOK_MS - 1)
    assert bench.reading() is None
    bench.wait(1)
    assert bench.reading() is not None

    bench.truth(TWO)
    bench.wait(SETTLE_MS - LOOK_MS - 1)
    assert len(bench.mutations) == 1
    bench.wait(1)
    assert len(bench.mutations) == 2


def test_what_is_accepted_and_not_done_is_said_to_fail_and_repeated_ever_more_slowly() -> None:
    """Or a Gateway that lies would have the login's minute, and nobody would hear of it."""
    bench = flattening()
    spans: list[int] = []
    for _ in range(7):
        bench.answers(ACCEPTED)
        sent, start = len(bench.mutations), bench.now.mono
        while len(bench.mutations) == sent:
            bench.wait(10)
            if bench.reading() is not None:
                bench.truth(TWO)
        spans.append((bench.now.mono - start) // MILLISECOND)

    assert spans == [500, 1_000, 2_000, 4_000, *[RETRY_MAX_MS] * 3]
    failing = bench.heard(EnforcementFailing)
    assert len(failing) == 6, "each but the first"
    assert {one.why for one in failing if isinstance(one, EnforcementFailing)} == {
        "CloseContract: accepted, as before, and not done"
    }


def test_a_close_that_took_something_off_has_not_failed() -> None:
    """Whoever adds while he is locked wins no time by it."""
    bench = flattening()
    for _ in range(5):
        bench.answers(ACCEPTED)
        for size in (4, 2):  # he adds two, and two are closed
            bench.shows(book(held(MNQ, size)))
        sent = len(bench.mutations)
        bench.wait(SETTLE_MS)
        assert len(bench.mutations) == sent + 1
    assert bench.heard(EnforcementFailing) == []


def test_an_accepted_reduction_is_sent_again_only_after_a_read() -> None:
    """Its size was right for the book of then: a second one unseen would take too much."""
    bench = EnforcerBench()
    bench.enforce(reduce(MNQ, 4), view=book(held(MNQ, 6)), rule=COUNT)
    bench.answers(ACCEPTED)
    for _ in range(20):
        bench.wait(500)
        if bench.reading() is not None:
            bench.unknown()
    assert len(bench.mutations) == 1

    bench.wait(RETRY_MAX_MS)
    bench.truth(book(held(MNQ, 6)))
    bench.wait(SETTLE_MS)
    assert len(bench.mutations) == 2


def test_refusals_are_tried_again_ever_more_slowly_and_for_ever() -> None:
    bench = flattening()
    spans: list[int] = []
    for _ in range(9):
        bench.answers(REFUSED, "busy")
        sent, start = len(bench.mutations), bench.now.mono
        while len(bench.mutations) == sent:
            if bench.reading() is not None:
                bench.truth(TWO)
            bench.wait(1)
        spans.append((bench.now.mono - start) // MILLISECOND)

    assert spans == sorted(spans)
    assert spans[0] <= RETRY_MS + 2
    assert spans[-1] <= 2 * RETRY_MAX_MS
    failing = bench.heard(EnforcementFailing)
    assert [one.attempt for one in failing if isinstance(one, EnforcementFailing)] == [
        *range(1, 10)
    ]


def test_somebody_elses_exit_being_faster_is_no_failure() -> None:
    bench = flattening()
    bench.answers(REFUSED, "PositionNotFound")

    assert bench.heard(EnforcementFailing) == []


def test_a_failed_read_is_repeated_ever_more_slowly_and_for_ever_i2() -> None:
    bench = flattening()
    bench.answers(ACCEPTED)
    asked = len(bench.reads)
    bench.shows(FLAT)
    for _ in range(12):
        bench.wait(RETRY_MAX_MS)
        bench.unknown()

    assert len(bench.reads) >= asked + 12
    assert bench.heard(EnforcementConfirmed) == []


def test_a_read_without_an_answer_is_given_up_and_repeated() -> None:
    bench = flattening()
    bench.answers(ACCEPTED)
    bench.wait(LOOK_MS)
    first = bench.reading()
    bench.wait(READ_MAX_MS + RETRY_MAX_MS)

    assert bench.reading() not in (None, first)


# Proof


def test_two_reads_across_the_quiet_window_are_the_certificate() -> None:
    bench = flattening()
    bench.answers(ACCEPTED)
    bench.shows(FLAT)
    bench.wait(LOOK_MS)
    first = bench.reading()
    bench.truth(FLAT)
    assert bench.heard(EnforcementConfirmed) == []
    bench.wait(QUIET_MS - 1)
    assert bench.reading() is None, "not before the window is over"
    bench.wait(1)
    second = bench.reading()
    bench.truth(FLAT)

    (confirmed,) = bench.heard(EnforcementConfirmed)
    assert isinstance(confirmed, EnforcementConfirmed)
    assert confirmed.certificate.reads == (first, second)
    assert confirmed.took_ms == LOOK_MS + QUIET_MS
    (_, enforced) = bench.sent[-1]
    assert isinstance(enforced, Enforced)
    assert (enforced.rule, enforced.certificate) == (LOSS, confirmed.certificate)
    assert bench.state.kept.demands == ()
    bench.wait(60_000)
    assert (len(bench.mutations), len(bench.reads)) == (1, 2), "and then there is peace"


def test_neither_an_answer_nor_the_book_is_proof() -> None:
    bench = flattening()
    bench.answers(ACCEPTED)
    bench.shows(FLAT)
    bench.wait(LOOK_MS)
    for _ in range(20):
        if bench.reading() is not None:
            bench.unknown()
        bench.shows(book())
        bench.wait(1_000)

    assert bench.heard(EnforcementConfirmed) == []


def proven_once() -> EnforcerBench:
    bench = flattening()
    bench.answers(ACCEPTED)
    bench.wait(LOOK_MS)
    bench.truth(FLAT)
    return bench


def test_an_unknown_read_between_starts_the_proof_anew_i2() -> None:
    bench = proven_once()
    bench.wait(QUIET_MS)
    bench.unknown()
    bench.wait(RETRY_MAX_MS)
    bench.truth(FLAT)
    assert bench.heard(EnforcementConfirmed) == []

    bench.wait(QUIET_MS)
    bench.truth(FLAT)
    assert len(bench.heard(EnforcementConfirmed)) == 1


def test_a_position_seen_between_starts_the_proof_anew() -> None:
    bench = proven_once()
    bench.wait(100)
    bench.shows(book(held(ES, 1)))
    assert len(bench.mutations) == 2
    bench.answers(ACCEPTED)
    bench.shows(FLAT)
    bench.wait(LOOK_MS)
    bench.truth(FLAT)
    assert bench.heard(EnforcementConfirmed) == []

    bench.wait(QUIET_MS)
    bench.truth(FLAT)
    assert len(bench.heard(EnforcementConfirmed)) == 1


def test_a_flash_of_exposure_between_starts_the_proof_anew() -> None:
    bench = proven_once()
    bench.wait(QUIET_MS)
    bench.shows(book(orders=(order(9, status=OrderStatus.PENDING_CANCELLATION),)))
    bench.shows(FLAT)
    bench.truth(FLAT)

    assert bench.heard(EnforcementConfirmed) == []


def test_what_only_the_hub_says_is_no_proof() -> None:
    """The read left before the close: the book is flat by what was heard since."""
    bench = flattening()
    bench.answers(ACCEPTED)
    bench.shows(FLAT)
    bench.wait(LOOK_MS)
    bench.truth(FLAT, read=TWO)
    bench.wait(QUIET_MS)
    bench.truth(FLAT)
    assert bench.heard(EnforcementConfirmed) == []

    bench.wait(QUIET_MS)
    bench.truth(FLAT)
    assert len(bench.heard(EnforcementConfirmed)) == 1


def test_nothing_is_proven_while_something_flies() -> None:
    bench = EnforcerBench()
    bench.enforce(FLATTEN, view=FLAT)
    bench.shows(TWO)
    bench.truth(FLAT)
    bench.wait(QUIET_MS)

    assert bench.heard(EnforcementConfirmed) == []
    assert bench.state.kept.demands[0].proofs == ()


def test_a_lock_on_a_flat_account_is_proven_all_the_same() -> None:
    bench = EnforcerBench()
    bench.enforce(FLATTEN, view=FLAT)
    bench.truth(FLAT)
    bench.wait(QUIET_MS)
    bench.truth(FLAT)

    assert len(bench.heard(EnforcementConfirmed)) == 1
    assert bench.mutations == []


def test_a_second_demand_does_not_shorten_the_firsts_window() -> None:
    bench = proven_once()
    bench.wait(10)
    bench.enforce(flatten(MNQ), view=FLAT, rule=COUNT)
    if bench.reading() is not None:
        bench.truth(FLAT)
    bench.wait(10)

    assert bench.heard(EnforcementConfirmed) == []
    bench.wait(QUIET_MS)
    bench.truth(FLAT)
    bench.wait(QUIET_MS)
    if bench.reading() is not None:
        bench.truth(FLAT)
    assert len(bench.heard(EnforcementConfirmed)) == 2


def test_an_order_left_is_not_flat_i8() -> None:
    bench = flattening()
    bench.answers(ACCEPTED)
    bench.shows(book(orders=(order(7),)))
    assert isinstance(bench.mutations[-1], CancelOrder)
    bench.answers(ACCEPTED)
    for _ in range(3):
        bench.wait(QUIET_MS * 4)
        if bench.reading() is not None:
            bench.truth(book(orders=(order(7, status=OrderStatus.PENDING_CANCELLATION),)))

    assert bench.heard(EnforcementConfirmed) == []


# Merging and withdrawing


def test_the_same_demand_again_is_one_enforcement() -> None:
    bench = flattening()
    bench.enforce(FLATTEN, view=TWO)

    assert len(bench.heard(EnforcementRequested)) == 1
    assert bench.heard(EnforcementMerged) == []


def test_two_rules_get_one_close_and_a_proof_each_lesson_88() -> None:
    bench = EnforcerBench()
    bench.enforce(reduce(MNQ, 1), view=TWO, rule=COUNT)
    bench.answers(ACCEPTED)
    bench.enforce(FLATTEN, view=TWO)
    bench.shows(FLAT)
    bench.wait(LOOK_MS)
    bench.truth(FLAT)
    bench.wait(QUIET_MS)
    bench.truth(FLAT)
    bench.wait(QUIET_MS)
    if bench.reading() is not None:
        bench.truth(FLAT)

    assert len(bench.mutations) == 1
    assert {one.rule for one in bench.state.kept.demands} == set()
    assert len(bench.heard(EnforcementConfirmed)) == 2


def test_a_flatten_follows_at_once_on_a_reduction_that_settled() -> None:
    bench = EnforcerBench()
    bench.enforce(reduce(MNQ, 4), view=book(held(MNQ, 6)), rule=COUNT)
    bench.answers(ACCEPTED)
    bench.shows(book(held(MNQ, 4)))
    bench.enforce(FLATTEN, view=book(held(MNQ, 4)))

    assert [type(one) for one in bench.mutations] == [PartialClose, CloseContract]


def test_a_reduction_that_is_needed_no_more_is_withdrawn() -> None:
    bench = EnforcerBench()
    bench.enforce(reduce(MNQ, 1), view=TWO, rule=COUNT)
    bench.answers(REFUSED, "busy")
    bench.enforce(view=book(held(MNQ, 2), held(ES, -2)), rule=COUNT)
    bench.wait(60_000)

    assert len(bench.mutations) == 1
    assert len(bench.heard(EnforcementWithdrawn)) == 1
    assert bench.state.kept.demands == ()


def test_a_reduction_that_was_done_is_proven_before_it_is_forgotten() -> None:
    bench = EnforcerBench()
    bench.enforce(reduce(MNQ, 1), view=TWO, rule=COUNT)
    bench.answers(ACCEPTED)
    one = book(held(MNQ, 1))
    bench.shows(one)
    bench.enforce(view=one, rule=COUNT)
    bench.wait(LOOK_MS)
    bench.truth(one)
    bench.wait(QUIET_MS)
    bench.truth(one)

    assert len(bench.heard(EnforcementConfirmed)) == 1
    assert bench.heard(EnforcementWithdrawn) == []


def test_a_rule_that_is_content_ends_no_flatten() -> None:
    bench = flattening()
    bench.answers(REFUSED, "busy")
    bench.enforce(view=TWO)
    bench.wait(LOOK_MS)
    bench.truth(TWO)
    bench.wait(RETRY_MAX_MS)

    assert len(bench.mutations) == 2


def test_a_withdrawn_reduction_is_taken_up_again() -> None:
    bench = EnforcerBench()
    bench.enforce(reduce(MNQ, 1), view=TWO, rule=COUNT)
    bench.answers(ACCEPTED)
    bench.shows(book(held(MNQ, 1)))
    bench.enforce(view=book(held(MNQ, 1)), rule=COUNT)
    bench.wait(SETTLE_MS)
    bench.enforce(reduce(MNQ, 1), view=book(held(MNQ, 3)), rule=COUNT)
    if bench.reading() is not None:
        bench.truth(book(held(MNQ, 3)))
    bench.wait(SETTLE_MS)

    assert [one.size for one in bench.mutations if isinstance(one, PartialClose)] == [1, 2]


def test_a_reduction_waits_for_its_rule_to_judge_the_newest_positions() -> None:
    """The rule may now want another contract reduced, or none: it is asked in the same step."""
    bench = EnforcerBench()
    bench.enforce(reduce(MNQ, 4), view=book(held(MNQ, 5)), rule=COUNT)
    bench.answers(REFUSED, "busy")
    bench.wait(LOOK_MS)
    bench.truth(book(held(MNQ, 5)))
    changed = book(held(MNQ, 5), held(ES, 2))
    bench.shows(changed)
    bench.wait(RETRY_MAX_MS)
    assert len(bench.mutations) == 1

    bench.enforce(reduce(ES, 0), reduce(MNQ, 4), view=changed, rule=COUNT)
    assert [one.contract_id for one in bench.mutations] == [MNQ, MNQ, ES]


def test_a_reduction_of_before_a_restart_waits_for_its_rule_too() -> None:
    before = EnforcerBench()
    before.enforce(reduce(MNQ, 4), view=book(held(MNQ, 5)), rule=COUNT)
    before.answers(REFUSED, "busy")
    after = EnforcerBench(before.kept(), before.now)
    after.shows(book(held(MNQ, 5)))
    after.truth(book(held(MNQ, 5)))
    after.wait(RETRY_MAX_MS)
    assert after.mutations == []

    after.enforce(reduce(MNQ, 4), view=book(held(MNQ, 5)), rule=COUNT)
    assert [type(one) for one in after.mutations] == [PartialClose]


def test_a_flatten_waits_for_nobody() -> None:
    before = flattening()
    before.answers(REFUSED, "busy")
    after = EnforcerBench(before.kept(), before.now)
    after.shows(TWO)

    assert [type(one) for one in after.mutations] == [CloseContract]


# Restart


def test_after_a_restart_in_mid_flight_it_reads_before_it_sends_i10() -> None:
    before = flattening()
    after = EnforcerBench(before.kept(), before.now)
    assert after.reading() is not None
    after.shows(TWO)
    after.wait(400)
    assert after.mutations == []

    after.truth(TWO)
    assert [type(one) for one in after.mutations] == [CloseContract]
    assert after.mutations[0].command_id != before.mutations[0].command_id


def reborn(before: EnforcerBench) -> EnforcerBench:
    """Return the next life within the same process: it is given the very objects."""
    return EnforcerBench(before.logic.keep(before.state), before.now)


def test_the_next_life_in_a_process_waits_for_the_answer_of_what_is_in_flight_i10() -> None:
    """A read that left meanwhile could not show what the close is about to do."""
    before = flattening()
    after = reborn(before)
    after.shows(TWO)
    after.wait(400)
    assert after.reading() is None
    assert after.mutations == []

    after.tell(
        Answered(
            command_id=before.mutations[0].command_id,
            account_id=ACCOUNT,
            outcome=ACCEPTED,
            why="",
        )
    )
    assert after.mutations == []
    after.wait(1_000)
    after.truth(TWO)
    assert [type(one) for one in after.mutations] == [CloseContract]


def test_the_next_life_in_a_process_does_not_wait_long_for_what_killed_the_last_one() -> None:
    after = reborn(flattening())
    after.shows(TWO)
    after.wait(6_100)
    assert after.reading() is not None
    assert after.mutations == []

    after.truth(TWO)
    after.wait(400)
    assert [type(one) for one in after.mutations] == [CloseContract]


def test_the_next_life_in_a_process_lets_an_accepted_close_settle_i1() -> None:
    """Its order may work unfilled, and no hub has told of it yet."""
    before = flattening()
    before.answers(ACCEPTED)
    after = reborn(before)
    after.shows(TWO)

    assert after.mutations == []


def test_doubt_survives_a_restart_and_another_i10() -> None:
    before = flattening()
    before.answers(UNCERTAIN)
    after = EnforcerBench(before.kept(), before.now)
    after.shows(TWO)
    again = EnforcerBench(after.kept(), after.now)
    again.shows(TWO)
    assert after.mutations == again.mutations == []

    again.truth(TWO)
    assert len(again.mutations) == 1
    assert again.state.kept.doubtful == ()


def test_a_read_of_before_the_restart_resolves_nothing_i10() -> None:
    before = flattening()
    after = EnforcerBench(before.kept(), before.now)
    after.wait(10)
    after.truth(TWO, asked=Nanos(before.now.mono - 1))

    assert after.mutations == []


def test_proofs_do_not_survive_a_restart() -> None:
    before = proven_once()
    after = EnforcerBench(before.kept(), before.now)
    after.truth(FLAT)
    assert after.heard(EnforcementConfirmed) == []
    after.wait(QUIET_MS)
    after.truth(FLAT)

    (confirmed,) = after.heard(EnforcementConfirmed)
    (requested,) = before.heard(EnforcementRequested)
    assert isinstance(confirmed, EnforcementConfirmed)
    assert isinstance(requested, EnforcementRequested)
    assert confirmed.enforcement_id == requested.enforcement_id


def test_an_enforcer_that_owed_nothing_starts_in_silence() -> None:
    before = EnforcerBench()
    before.enforce(FLATTEN, view=FLAT)
    before.truth(FLAT)
    before.wait(QUIET_MS)
    before.truth(FLAT)
    after = EnforcerBench(before.kept(), before.now)
    after.shows(TWO)
    after.wait(60_000)

    assert (after.mutations, after.reads) == ([], [])


def test_what_is_kept_changes_only_when_it_must() -> None:
    logic = Enforcer(ACCOUNT)
    bench = EnforcerBench()
    before = logic.keep(bench.state)
    bench.shows(TWO)

    assert logic.keep(bench.state) is before


def test_a_cancel_is_tied_to_its_order() -> None:
    bench = EnforcerBench()
    bench.enforce(FLATTEN, view=book(orders=(order(7), order(8, ES))))

    cancels = [one for one in bench.mutations if isinstance(one, CancelOrder)]
    assert [(one.contract_id, one.order_id) for one in cancels] == [
        (MNQ, OrderId(7)),
        (ES, OrderId(8)),
    ]

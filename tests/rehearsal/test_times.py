"""What is measured of an enforcement, on spans written down by hand."""

import pytest

from ops.rehearsal.spans import Seen
from ops.rehearsal.times import Share, shares, times

MS = 1_000_000
CLOSE = "request CloseContract"


def span(name: str, start: float, end: float, of: str = "", **told: str) -> Seen:
    return Seen(name, f"{name}@{start}", of, round(start * MS), round(end * MS), told)


def episode(at: float, name: str, *, close: float = 3.0, answer: float = 7.0) -> list[Seen]:
    """Return the spans of an enforcement: 2 ms to decide, proof 300 ms after its frame."""
    frame = span("input PositionSeen", at, at + 2.5)
    breach = span("turn", at + 1, at + 2, frame.id, EnforcementRequested=name)
    asked = span(CLOSE, at + close, at + answer, breach.id)
    proof = span("turn", at + 299, at + 300, asked.id, EnforcementConfirmed=name)
    return [frame, breach, asked, proof]


def test_every_station_is_after_the_one_before() -> None:
    (one,) = times(episode(100, "1/rule/1"))

    assert one.enforcement == "1/rule/1"
    assert (one.decision_ms, one.request_ms, one.answer_ms, one.proof_ms) == (2, 1, 4, 293)
    assert one.total_ms == 300


def test_spans_come_in_any_order() -> None:
    spans = episode(100, "1/rule/1")

    assert times(reversed(spans)) == times(spans)


def test_a_close_that_left_in_a_later_turn_counts() -> None:
    frame, breach, _, proof = episode(100, "1/rule/1")
    later = span(CLOSE, 110, 115, "the turn of its position")

    (one,) = times([frame, breach, later, proof])

    assert one.request_ms == 8


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_what_cannot_be_followed_to_its_proof_is_not_measured(missing: int) -> None:
    spans = episode(100, "1/rule/1")
    del spans[missing]

    assert times(spans) == []


def test_a_breach_without_its_frame_is_measured_from_its_turn() -> None:
    (one,) = times(episode(100, "1/rule/1")[1:])

    assert one.decision_ms == 1


def test_median_and_maximum_are_of_every_station() -> None:
    spans = [one for n, c in enumerate((3, 4, 5)) for one in episode(n * 1_000, f"r/{n}", close=c)]

    told = shares(times(spans))

    assert told["decision_to_request"] == Share(2.0, 3.0)
    assert told["frame_to_proof"] == Share(300.0, 300.0)
    assert shares([]) == {}

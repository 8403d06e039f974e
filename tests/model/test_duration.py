"""Spans of time, as they are written in a configuration."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.duration import DURATION_MAX, check_duration, duration, duration_text
from protocol.units import MILLISECOND, SECOND, Nanos


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("1s", 1), ("90s", 90), ("15m", 900), ("1h", 3600), ("168h", 604_800)],
)
def test_a_span_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert duration(text) == seconds * SECOND


def test_a_moment_is_written_in_milliseconds() -> None:
    assert duration("250ms") == 250 * MILLISECOND
    with pytest.raises(ValueError, match=r"^grace: '250ms' is too short; "):
        check_duration("grace", "250ms")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10",
        "s",
        "1.5m",
        "-1s",
        "+1s",
        "1 m",
        " 1m",
        "1M",
        "1d",
        "1h30m",
        "1us",
        "1 ms",
        "٣s",
        "169h",
    ],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="; write it like"):
        duration(text)


def test_a_span_that_is_too_short_is_refused_by_its_key() -> None:
    check_duration("grace", "1s")
    check_duration("flatten", "0s", least=Nanos(0))
    with pytest.raises(ValueError, match=r"^grace: '0s' is too short; "):
        check_duration("grace", "0s")
    with pytest.raises(ValueError, match=r"^grace: 'soon' is no duration; "):
        check_duration("grace", "soon")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (90, "90s"), (1800, "30m"), (3600, "1h"), (5400, "90m")],
)
def test_a_span_is_said_in_the_largest_unit_that_fits(seconds: int, text: str) -> None:
    assert duration_text(Nanos(seconds * SECOND)) == text


@given(st.integers(0, DURATION_MAX // SECOND))
def test_what_is_said_is_what_would_be_written(seconds: int) -> None:
    span = Nanos(seconds * SECOND)

    assert duration(duration_text(span)) == span

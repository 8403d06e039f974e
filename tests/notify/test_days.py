"""The day outlives the guardian: its summary is told once, whoever is there at the reset."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.adapters import clock
from config.notify import NotifyConfig, NotifyEvent
from config.secrets import Secret
from ops.notify import days, outbox
from ops.notify.apprise_target import AppriseTarget
from ops.notify.days import FILE, Diary
from ops.notify.notifier import Notifier
from protocol.control import ServiceStatus
from protocol.units import SECOND, Nanos
from protocol.words import instant_text
from tests.notify.sink import Sink, until
from tests.notify.statuses import ACCOUNT, account, rule, status

type Start = Callable[[], Notifier]
SOON_S = 1.0


@pytest.fixture
def start(sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Return what starts another guardian's notifier in the same folder."""
    monkeypatch.setattr(days, "WRITE_S", 0.0)
    monkeypatch.setattr(outbox, "GAP_S", 0.0)
    started: list[Notifier] = []

    def begin() -> Notifier:
        config = NotifyConfig(events=(NotifyEvent.DAY,))
        target = AppriseTarget(Secret(sink.url()), 1)
        started.append(Notifier(config, [target], None, tmp_path))
        return started[-1]

    yield begin
    for one in started:
        one.close()


def at(seconds: float) -> str:
    return instant_text(Nanos(clock.now().wall + round(seconds * SECOND)))


def day(reset: str, realized: str = "-42.00") -> ServiceStatus:
    return status(account(next_reset=reset, realized=realized, attempts_while_locked=2))


def test_a_guardian_that_was_restarted_in_the_day_tells_it_once(sink: Sink, start: Start) -> None:
    reset = at(SOON_S)
    first = start()
    first.look(day(reset, "-17.00"), well=True)
    first.look(day(reset), well=True)
    first.close()
    second = start()
    second.look(day(reset), well=True)
    time.sleep(SOON_S)
    for _ in range(3):
        second.look(day(at(86_400), "0.00"), well=True)

    until(lambda: sink.posts)
    second.close()
    third = start()
    third.look(day(at(86_400), "0.00"), well=True)
    third.close()
    assert len(sink.posts) == 1, sink.text()
    assert f"the day ended at {reset}" in sink.titles()[0]
    assert "realized -42.00" in sink.text()
    assert "2 attempts to trade while locked" in sink.text()


def test_a_day_that_ended_while_nobody_was_there_is_told_at_the_next_start(
    sink: Sink, start: Start
) -> None:
    reset = at(SOON_S)
    start().look(day(reset), well=True)
    time.sleep(SOON_S)

    start().look(day(at(86_400), "0.00"), well=True)

    until(lambda: sink.posts)
    assert "realized -42.00" in sink.text()


def test_a_summary_that_did_not_get_through_is_told_by_the_next_guardian(
    sink: Sink, start: Start
) -> None:
    reset = at(SOON_S)
    sink.status = 503
    first = start()
    first.look(day(reset), well=True)
    time.sleep(SOON_S)
    tomorrow = day(at(86_400), "0.00")
    for _ in range(3):
        first.look(tomorrow, well=True)
    until(lambda: sink.refused)
    first.close()
    sink.status = 200

    second = start()
    second.look(tomorrow, well=True)

    until(lambda: sink.posts)
    second.look(tomorrow, well=True)
    second.close()
    third = start()
    third.look(tomorrow, well=True)
    third.close()
    assert len(sink.posts) == 1
    assert "realized -42.00" in sink.text()


def test_what_moves_with_every_price_is_not_written(start: Start, tmp_path: Path) -> None:
    one, reset = start(), at(3_600)
    one.look(status(account(next_reset=reset, rules=[rule("-1.00")])), well=True)
    before = (tmp_path / FILE).stat()
    for cents in range(10):
        moved = account(next_reset=reset, unrealized=f"-1.{cents}0", rules=[rule(f"-1.{cents}0")])
        one.look(status(moved), well=True)

    assert (tmp_path / FILE).stat().st_ino == before.st_ino


def test_the_diary_is_written_now_and_then_and_never_in_half(tmp_path: Path) -> None:
    diary = Diary(tmp_path)
    diary.keep({"main/1001": ACCOUNT}, (), 100.0)
    other = account(realized="1.00")
    diary.keep({"main/1001": other}, (), 100.0 + days.WRITE_S / 2)
    assert Diary(tmp_path).recalled() == {"main/1001": ACCOUNT}

    diary.keep({"main/1001": other}, (), 100.0 + days.WRITE_S)
    assert Diary(tmp_path).recalled() == {"main/1001": other}

    diary.keep({"main/1001": ACCOUNT}, ("main/1001",), 200.0)
    assert Diary(tmp_path).recalled() == {"main/1001": other}, "its summary has not left yet"

    (tmp_path / FILE).write_bytes(b'{"main/1001": {')
    assert Diary(tmp_path).recalled() == {}


def test_a_diary_that_cannot_be_written_is_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    diary = Diary(tmp_path / "gone")

    diary.keep({"main/1001": ACCOUNT}, (), 0.0)

    assert f"{FILE} cannot be written" in caplog.text

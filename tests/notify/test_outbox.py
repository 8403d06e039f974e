"""A target's thread against a real webhook: bounded, patient, and in nobody's way."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from config.notify import HeartbeatMethod, NotifyEvent
from config.secrets import Secret
from ops.notify.apprise_target import AppriseTarget
from ops.notify.backlog import AGE_MAX_S, JOINED_MAX, WAITING_MAX, Backlog, back_off
from ops.notify.heartbeat import Heartbeat
from ops.notify.notice import Notice
from ops.notify.outbox import Outbox
from tests.notify.sink import Sink, until

type Make = Callable[..., Outbox]


def notice(number: int, event: NotifyEvent = NotifyEvent.WARNING) -> Notice:
    return Notice(key=f"key/{number}", event=event, title=f"title {number}", body=f"body {number}")


class Sent(list[str]):
    def __call__(self, notices: Sequence[Notice]) -> None:
        self.extend(one.key for one in notices)


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def outbox(sent: Sent) -> Iterator[Make]:
    made: list[Outbox] = []

    def make(url: str, gap_s: float = 0.0) -> Outbox:
        made.append(Outbox(AppriseTarget(Secret(url), 1), sent, gap_s=gap_s))
        return made[-1]

    yield make
    for one in made:
        one.close(5)


def test_a_notice_arrives(sink: Sink, outbox: Make, sent: Sent) -> None:
    outbox(sink.url()).put(notice(1))

    until(lambda: sent)
    assert (sink.titles(), sink.posts[0]["message"], sent) == (["title 1"], "body 1", ["key/1"])


def test_what_fails_is_tried_again_until_it_arrives(
    sink: Sink, outbox: Make, sent: Sent, caplog: pytest.LogCaptureFixture
) -> None:
    sink.status = 503
    box = outbox(sink.url())
    with caplog.at_level(logging.DEBUG):
        box.put(notice(1))
        until(lambda: sink.refused >= 2 and box.trouble)
        assert "error=503" in box.trouble
        assert sent == []
        sink.status = 200
        until(lambda: sent)

    assert sink.titles() == ["title 1"]
    assert box.trouble == ""
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("ops")]
    assert not any("4711" in line for line in ours)
    assert sum("do not get through" in line for line in ours) == 1
    assert sum("get through" in line for line in ours) == 2


def test_a_target_that_never_answers_holds_up_nobody(sink: Sink, outbox: Make) -> None:
    sink.open.clear()
    box = outbox(sink.url())
    began = time.process_time()

    for number in range(10 * WAITING_MAX):
        box.put(notice(number))

    assert time.process_time() - began < 5
    until(lambda: sink.calls)
    assert sink.posts == []
    assert len(box._backlog) <= WAITING_MAX + 1


def test_a_burst_becomes_few_messages(sink: Sink, outbox: Make, sent: Sent) -> None:
    box = outbox(sink.url(), gap_s=0.3)
    for number in range(25):
        box.put(notice(number))

    until(lambda: len(sent) == 25)
    assert len(sink.posts) <= 5
    assert all(f"body {number}" in sink.text() for number in range(25))


def test_what_waits_at_the_end_is_tried_once_more(sink: Sink, outbox: Make, sent: Sent) -> None:
    box = outbox(sink.url())
    box.put(notice(1))
    box.close(5)

    assert sent == ["key/1"]


@pytest.mark.parametrize("url", ["bogus", "nosuchservice://x", ""])
def test_a_url_that_is_none_is_a_trouble_and_no_crash(outbox: Make, url: str) -> None:
    box = outbox(url)
    box.put(notice(1))

    until(lambda: box.trouble)
    assert "no URL that apprise knows" in box.trouble


def test_nothing_of_the_url_is_repeated(sink: Sink) -> None:
    sink.status = 404
    target = AppriseTarget(Secret(sink.url("very-secret-hook")), 2)

    why = target.send("title", "body", urgent=True)

    assert why
    assert "very-secret" not in why
    assert target.name == "json (notify.urls, number 2)"


def test_too_many_notices_give_way_from_the_least_urgent() -> None:
    backlog = Backlog()
    backlog.add(notice(0, NotifyEvent.LOCK), 0.0)
    gone = [backlog.add(notice(number), 0.0) for number in range(1, WAITING_MAX + 1)]

    assert gone[-1] == notice(1)
    assert len(backlog) == WAITING_MAX
    letter = backlog.letter()
    assert letter is not None
    assert letter.urgent
    assert letter.title == f"title 0 (and {JOINED_MAX - 1} more)"
    assert "1 earlier notices could not be sent" in letter.body


def test_after_an_hour_a_notice_is_given_up() -> None:
    backlog = Backlog()
    backlog.add(notice(1), 0.0)
    backlog.add(notice(2), 10.0)

    assert backlog.expire(AGE_MAX_S) == []
    assert backlog.expire(AGE_MAX_S + 1) == [notice(1)]
    assert len(backlog) == 1


def test_attempts_are_farther_and_farther_apart() -> None:
    assert [back_off(number) for number in (1, 2, 3, 4, 7, 8, 100)] == [1, 2, 4, 8, 60, 60, 60]


@pytest.mark.parametrize("method", list(HeartbeatMethod))
def test_a_heartbeat_is_sent_only_while_all_is_well(sink: Sink, method: HeartbeatMethod) -> None:
    beat = Heartbeat(Secret(f"http://127.0.0.1:{sink.port}/ping/secret"), 0.3, method)
    try:
        beat.say(well=False)
        time.sleep(0.6)
        assert sink.calls == []

        def twice() -> bool:
            beat.say(well=True)
            return len(sink.calls) >= 2

        until(twice)
        assert set(sink.calls) == {(method.value.upper(), "/ping/secret")}

        beat.say(well=False)
        time.sleep(0.5)
        count = len(sink.calls)
        time.sleep(0.8)
        assert len(sink.calls) == count
    finally:
        beat.close()


def test_a_monitor_that_refuses_is_a_trouble_that_names_no_address(sink: Sink) -> None:
    sink.status = 410
    beat = Heartbeat(Secret(f"http://127.0.0.1:{sink.port}/ping/secret"), 60, HeartbeatMethod.GET)
    try:
        beat.say(well=True)
        until(lambda: beat.trouble)
        assert beat.trouble == "it answers 410"
    finally:
        beat.close()

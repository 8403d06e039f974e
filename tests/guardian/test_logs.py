import json
import logging
import os
import time
from pathlib import Path

import pytest

from ops.desk.lockfile import HeldError, Holder, LockFile, holder
from ops.desk.logs import LINES_MAX, Lines

TOKEN = "eyJ0.eyJ1.c2ln"  # short, so that nobody takes it for a real one


class Sink:
    """A pipe with a log at its other end."""

    def __init__(self, *, as_json: bool) -> None:
        self.reading, self._writing = os.pipe()
        self.lines = Lines("main", as_json=as_json, out=self._writing)
        self.log = logging.Logger("test")  # noqa: LOG001  (of its own, not of the tree)
        self.log.addHandler(self.lines)

    def text(self) -> str:
        self.lines.close()
        os.close(self._writing)
        with os.fdopen(self.reading, "rb") as reader:
            return reader.read().decode()


@pytest.fixture
def told() -> Sink:
    return Sink(as_json=False)


def test_secrets_and_tokens_are_hidden_wherever_they_stand(told: Sink) -> None:
    told.lines.hide(("trader", "a.key+9876543210"))

    told.log.warning("login of trader with a.key+9876543210 at /hub?access_token=%s&id=1", TOKEN)
    told.log.info("the traders wait")

    text = told.text()
    assert "login of *** with *** at /hub?access_token=***&id=1" in text
    assert "the traders wait" in text


def test_a_line_for_programs_is_one_object_with_its_checkpoint() -> None:
    sink = Sink(as_json=True)

    sink.log.warning("8 ⚠️ locked\nfor good", extra={"checkpoint": 8, "account": 1001})

    (line,) = sink.text().splitlines()
    row = json.loads(line)
    assert row.pop("time").endswith("Z")
    assert row == {
        "level": "WARNING",
        "source": "main",
        "text": "8 ⚠️ locked\nfor good",
        "checkpoint": 8,
        "account": 1001,
    }


def test_a_line_for_people_says_how_loud_it_is(told: Sink) -> None:
    told.log.error("no hope")
    told.log.info("all well \udcff")

    first, second = told.text().splitlines()
    assert first.endswith("main: ERROR no hope")
    assert second.endswith("main: all well \\udcff")


def test_a_pipe_that_nobody_reads_holds_nobody_up(told: Sink) -> None:
    began = time.monotonic()

    for number in range(LINES_MAX + 5_000):
        told.log.info("line %d %s", number, "x" * 50)

    assert time.monotonic() - began < 10
    assert told.lines._dropped > 0
    os.close(told.reading)  # the thread may go


def test_a_lock_has_one_holder_who_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = LockFile.take(path)
    first.note(Holder(pid=7, http="127.0.0.1:1"))

    with pytest.raises(HeldError, match="is in use by process 7"):
        LockFile.take(path, 0.1)
    first.release()
    LockFile.take(path).release()

    said = holder(path)
    assert said is not None
    assert said.pid == os.getpid()

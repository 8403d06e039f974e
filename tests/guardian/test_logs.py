import json
import logging
import os
import subprocess
import sys
import time
from contextlib import suppress
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


def test_lines_that_were_dropped_are_a_line_too() -> None:
    sink = Sink(as_json=True)
    sink.lines._dropped = 3

    sink.log.info("on")

    gap, line = map(json.loads, sink.text().splitlines())
    assert gap["text"] == "3 lines dropped: nobody read them in time"
    assert gap["level"] == "WARNING"
    assert line["text"] == "on"


ENDS = """
import threading
from ops.desk import logs
lines = logs.begin("main", as_json={as_json})
lines.hide(("hush-hush-7",))
thread = threading.Thread(target=lambda: int("hush-hush-7"), name="worker")
thread.start()
thread.join()

class Late:
    def __del__(self): raise ValueError("too late")

Late()
import logging, warnings
warnings.warn("old ways", stacklevel=1)
logging.getLogger("project_x_py").error("theirs")
try:
    raise KeyError("end")
finally:
    import atexit
    atexit.register(lines.close)
"""


def ends(*, as_json: bool, terminal: bool) -> list[str]:
    """Run a program whose parts fail in every way there is; return its lines on stderr."""
    inner, outer = os.openpty() if terminal else os.pipe()
    line = [sys.executable, "-c", ENDS.format(as_json=as_json)]
    process = subprocess.Popen(line, stderr=outer, stdout=subprocess.DEVNULL)
    os.close(outer)
    said = b""
    with suppress(OSError):  # how the end of a terminal reads
        while chunk := os.read(inner, 65_536):
            said += chunk
    os.close(inner)
    assert process.wait(20) == 1
    return said.decode().splitlines()


@pytest.mark.parametrize("terminal", [False, True])
def test_whatever_fails_is_one_line_of_json(*, terminal: bool) -> None:
    rows = [json.loads(line) for line in ends(as_json=True, terminal=terminal)]

    assert rows[0]["text"] == "thread worker ends"
    assert [one for one in rows if "hush-hush-7" in json.dumps(one)] == []
    told = [row.get("error", row["text"]) for row in rows]
    for words in ("ValueError: invalid literal", "too late", "old ways", "theirs", "'end'"):
        assert sum(words in one for one in told) == 1, words
    assert {row["source"] for row in rows} == {"main"}


def test_a_terminal_gets_lines_for_eyes_and_a_pipe_gets_json() -> None:
    seen, piped = ends(as_json=False, terminal=True), ends(as_json=False, terminal=False)

    assert "main: ERROR thread worker ends" in seen[0]
    assert not any(line.startswith("{") for line in seen)
    assert all(line.startswith("{") for line in piped)


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

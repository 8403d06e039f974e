"""The pipe up from a desk: reports give way, a trace comes whole, and nothing is ever mixed."""

import json
import os
import threading
from collections.abc import Iterator

import msgspec
import pytest

from ops.desk.pipe import PUSH_S, ReportPipe


class Word(msgspec.Struct):
    text: str


@pytest.fixture
def ends() -> Iterator[tuple[ReportPipe, int]]:
    """Return a pipe to a reader who has not begun to read, and the reader's end."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    pipe = ReportPipe.__new__(ReportPipe)
    pipe.is_broken, pipe._left, pipe._fd, pipe._lock = False, b"", write, threading.Lock()
    yield pipe, read
    os.close(read)
    os.close(write)


def test_long_and_short_lines_of_two_threads_are_never_mixed(ends: tuple[ReportPipe, int]) -> None:
    pipe, fd = ends
    heard: list[bytes] = []

    def read() -> None:
        left = b""
        while not left.endswith(b'"end"}\n'):
            left += os.read(fd, 4_096)
        heard.extend(left.splitlines())

    def tell() -> None:
        for number in range(20):
            pipe.insert(Word(f"trace {number} " + "x" * 300_000), 20)

    reader, teller = threading.Thread(target=read), threading.Thread(target=tell)
    reader.start()
    teller.start()
    while teller.is_alive():
        pipe.write(Word("report"))
    teller.join()
    pipe.insert(Word("end"), 20)
    reader.join(20)

    words = [json.loads(line)["text"] for line in heard]
    assert [one.split()[1] for one in words if one.startswith("trace")] == [
        str(number) for number in range(20)
    ]
    assert {one for one in words if not one.startswith("trace")} <= {"report", "end"}


def test_a_trace_that_nobody_reads_holds_up_nobody(ends: tuple[ReportPipe, int]) -> None:
    pipe, _ = ends

    pipe.insert(Word("x" * 1_000_000), 2 * PUSH_S)
    pipe.write(Word("report"))

    assert b"report" not in pipe._left

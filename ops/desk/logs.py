"""Log lines on stderr: for eyes on a terminal, one JSON object each otherwise; UTF-8 always.

A terminal that was paused, or a pipe nobody reads, must not hold up a desk: lines go through a
bounded queue to a thread that may wait, and are dropped and counted when the queue is full.
"""

import json
import logging
import os
import queue
import re
import sys
import threading
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType

STDERR = 2
LINES_MAX = 10_000
CLOSE_S = 0.3
SECRET_LENGTH_MIN = 3
TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*|(?<=access_token=)[^&\s\"']+")
ABOUT = ("checkpoint", "event", "account", "rule", "enforcement", "alarm")
"""What a line may say of itself, beside its text."""
QUIET = ("httpx", "httpcore", "pysignalr", "uvicorn", "asyncio", "opentelemetry")

TRACE: ContextVar[str] = ContextVar("trace", default="")
"""The trace that the work at hand belongs to."""


class Lines(logging.Handler):
    """Formats in the caller's thread, writes in its own."""

    def __init__(self, source: str, *, as_json: bool, out: int = STDERR) -> None:
        super().__init__()
        self.source = source
        self._as_json = as_json
        self._out = out
        self._secrets: re.Pattern[str] | None = None
        self._dropped = 0
        self._queue: queue.Queue[bytes | None] = queue.Queue(LINES_MAX)
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def hide(self, secrets: Iterable[str]) -> None:
        """Replace these wherever they would appear as a word."""
        long = [re.escape(one) for one in secrets if len(one) >= SECRET_LENGTH_MIN]
        if long:
            self._secrets = re.compile(rf"(?<!\w)(?:{'|'.join(long)})(?!\w)")

    def clean(self, text: str) -> str:
        """Return a text without the secrets and tokens in it."""
        text = TOKEN.sub("***", text)
        return text if self._secrets is None else self._secrets.sub("***", text)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line; never wait, never raise."""
        try:
            text = self.clean(self._json(record) if self._as_json else self._human(record))
            self._queue.put_nowait(text.encode("utf-8", "backslashreplace") + b"\n")
        except queue.Full:
            self._dropped += 1
        except Exception:  # noqa: BLE001  (a log line is never worth a desk)
            self._dropped += 1

    def close(self) -> None:
        """Write what is waiting, unless nobody reads."""
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(CLOSE_S)
        super().close()

    def _json(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "time": stamp(record.created),
            "level": record.levelname,
            "source": self.source,
            "text": record.getMessage(),
        }
        for key in ABOUT:
            value = getattr(record, key, None)
            if value is not None:
                fields[key] = value
        if trace := TRACE.get():
            fields["trace"] = trace
        if record.exc_info:
            fields["error"] = logging.Formatter().formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)

    def _human(self, record: logging.LogRecord) -> str:
        loud = f"{record.levelname} " if record.levelno >= logging.WARNING else ""
        text = f"{stamp(record.created)[11:]} {self.source}: {loud}{record.getMessage()}"
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        return text

    def _gap(self) -> bytes:
        """Return the line that stands for those that were dropped."""
        dropped, self._dropped = self._dropped, 0
        text = f"{dropped} lines dropped: nobody read them in time"
        record = logging.LogRecord(__name__, logging.WARNING, "", 0, text, None, None)
        return (self._json(record) if self._as_json else self._human(record)).encode() + b"\n"

    def _write(self) -> None:
        while (line := self._queue.get()) is not None:
            if self._dropped:
                line = self._gap() + line
            try:
                while line:
                    line = line[os.write(self._out, line) :]
            except OSError:
                time.sleep(0.1)  # nobody reads: go on dropping


def _cannot_be_caught(error: "sys.UnraisableHookArgs") -> None:
    """Say what went wrong where nobody can catch it."""
    what = error.err_msg or "an error that nobody can catch"
    logging.getLogger().error("%s: %r", what, error.object, exc_info=error.exc_value)


def _nobody_caught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Say of what this process dies."""
    logging.getLogger().critical("nobody caught this", exc_info=(kind, error, trace))


def _thread_ends(error: threading.ExceptHookArgs) -> None:
    """Say that a thread died of an error that nobody caught."""
    cause = error.exc_value or error.exc_type()
    name = error.thread.name if error.thread is not None else "?"
    logging.getLogger().error("thread %s ends", name, exc_info=cause)


@contextmanager
def tracing(trace: str) -> Generator[None]:
    """Give the lines logged within this trace's id."""
    token = TRACE.set(trace)
    try:
        yield
    finally:
        TRACE.reset(token)


def stamp(seconds: float) -> str:
    """Return an instant as UTC ISO text."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def begin(source: str, *, as_json: bool = False) -> Lines:
    """Send every log line of this process to stderr."""
    terminal = sys.stderr is not None and os.isatty(STDERR)
    lines = Lines(source, as_json=as_json or not terminal)
    root = logging.getLogger()
    root.handlers[:] = [lines]
    root.setLevel(logging.INFO)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    sys.excepthook = _nobody_caught
    threading.excepthook = _thread_ends
    sys.unraisablehook = _cannot_be_caught
    return lines

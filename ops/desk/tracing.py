"""What became of an input: a trace from the hub's frame to the proof that an account is flat.

A desk says what it does as it goes, and only here is it decided what is worth a span.  That is
known after a turn: one that decided nothing, asked for nothing and answers no request leaves no
trace, so quotes that cross no trigger cost two clock readings.  Spans get the times that were
noted, and are handed over finished.

    input PositionSeen
      decode
      turn                          what the rules judged, as events
        commit
        request CloseContract
          input Answered
            turn ...
        enforcement max_contracts   until it is proven
          turn                      a tick: look at the truth
            commit
            request ReadTruth
              input TruthRead
                turn                EnforcementConfirmed: the flat certificate

An answer continues its request's trace.  What else an account hears or does while something is
being enforced on it continues that enforcement's.  When one input moves several accounts, each has
a trace of its own, with a link to the input.
"""

import logging
import random
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple

import msgspec

from actors.adapters.clock import Clock
from actors.adapters.spans import Context, Kind, Span, outcome, went_well
from actors.turn import Portion, Turn
from ops.desk import logs
from ops.desk.under_way import Enforcements
from ops.desk.untraced import NO_LEGS, Answered, Leg
from protocol.commands import Mutation, Read
from protocol.message import Message
from protocol.units import AccountId

log = logging.getLogger(__name__)


class Frame(msgspec.Struct):
    """What the intake's oldest was: when it came and was taken, and what it answers."""

    arrived: int
    cause: Context | None
    taken: int = 0
    decoded: int = 0


class Ran(NamedTuple):
    """A turn that is over."""

    turn: Turn
    message: Message | None
    end: int

    @property
    def shift(self) -> int:
        """Return what makes the stopwatch's time the calendar's."""
        return self.turn.now.wall - self.turn.now.mono


class Tracer:
    """One desk's tracing.  Lives on the event loop's thread."""

    def __init__(self, clock: Clock, take: Callable[[Span], None]) -> None:
        self.clock = clock
        self.take = take
        self._bits = random.Random().getrandbits
        self._frames: deque[Frame] = deque()
        self._frame = Frame(0, None)
        self._enforcements = Enforcements(take)

    def arrived(self, cause: Context | None) -> None:
        """Note when it was; everything in the intake has its frame here."""
        self._frames.append(Frame(self.clock().mono, cause))

    def taken(self) -> None:
        """Go on to its frame."""
        now = self.clock().mono
        self._frame = self._frames.popleft() if self._frames else Frame(now, None)
        self._frame.taken = now

    def turned(self, turn: Turn, message: Message | None) -> Mapping[AccountId | None, Leg]:
        """Tell what the turn was about; no mistake in here may hold up what it asked for."""
        try:
            return self._turned(turn, message)
        except Exception:
            log.exception("a turn left no trace")
            return NO_LEGS

    def _turned(self, turn: Turn, message: Message | None) -> Mapping[AccountId | None, Leg]:
        """Tell what the turn was about, if it was about anything."""
        frame = self._frame if message is not None else None
        if frame is not None and not frame.decoded:
            frame.decoded = turn.now.mono
        answers = frame is not None and frame.cause is not None
        portions = {
            who: portion
            for who, portion in turn.portions.items()
            if answers or portion.decisions or portion.mutations or portion.reads
        }
        if not portions:
            return NO_LEGS
        ran, entry = Ran(turn, message, self.clock().mono), None
        if frame is not None:
            follows = frame.cause
            if follows is None and len(portions) == 1:
                follows = next(self._enforcements.belongs_to(*one) for one in portions.items())
            entry = self.context(follows)
            self._entered(ran, frame, entry, follows)
        alone = entry if len(portions) == 1 else None
        links = (entry,) if entry is not None and alone is None else ()
        return {
            who: self._leg(ran, who, portion, alone, links) for who, portion in portions.items()
        }

    def context(self, parent: Context | None) -> Context:
        """Return a name for a span: in its parent's trace, or in one of its own."""
        trace = parent.trace_id if parent is not None else self._bits(128) or 1
        return Context(trace, self._bits(64) or 1)

    def _entered(self, ran: Ran, frame: Frame, context: Context, parent: Context | None) -> None:
        name, shift = f"input {type(ran.message).__name__}", ran.shift
        self.take(
            Span(
                name=name,
                context=context,
                parent=parent,
                kind=Kind.OWN if frame.cause is not None else Kind.HEARD,
                start=frame.arrived + shift,
                end=ran.end + shift,
                about=ran.message,
            )
        )
        if frame.cause is not None:
            return  # an answer was decoded where it was received
        self.take(
            Span(
                name="decode",
                context=self.context(context),
                parent=context,
                start=frame.taken + shift,
                end=frame.decoded + shift,
            )
        )

    def _leg(
        self,
        ran: Ran,
        who: AccountId | None,
        portion: Portion,
        parent: Context | None,
        links: tuple[Context, ...],
    ) -> Leg:
        about = None
        if parent is None:
            parent = self._enforcements.belongs_to(who, portion)
            about = portion.records[0].message if portion.records else None
        context, wall = self.context(parent), ran.turn.now.wall
        self.take(
            Span(
                name="turn",
                context=context,
                parent=parent,
                links=(*links, *self._enforcements.others(who, portion, context)),
                start=wall,
                end=ran.end + ran.shift,
                account_id=who,
                about=about,
                told=tuple(portion.decisions),
                told_at=wall,
            )
        )
        for decision in portion.decisions:
            self._enforcements.follow(decision, self.context(context), context, wall)
        return TracedLeg(self, context, who, ran.end, ran.shift)


class TracedLeg:
    """A leg that leaves a trace."""

    def __init__(
        self, tracer: Tracer, context: Context, who: AccountId | None, mono: int, shift: int
    ) -> None:
        self._tracer = tracer
        self._context = context
        self._account_id = who
        self._mono = mono
        self._shift = shift

    def written(self, error: str = "") -> None:
        """Tell how long the disk took."""
        self._tell("commit", self._mono, outcome=error or "committed", failed=bool(error))

    def speaking(self) -> AbstractContextManager[None]:
        """Return what gives the log lines within it this trace's id."""
        return logs.tracing(f"{self._context.trace_id:032x}")

    def asks(self, command: Mutation | Read) -> Answered:
        """Return what tells of the request when its answer is there."""
        context, began = self._tracer.context(self._context), self._tracer.clock().mono

        def answered(answer: Message | None) -> Context:
            self._tell(
                f"request {type(command).__name__}",
                began,
                context=context,
                kind=Kind.ASKED,
                about=command,
                answer=answer,
                outcome=outcome(answer),
                failed=not went_well(answer),
            )
            return context

        return answered

    def _tell(
        self,
        name: str,
        began: int,
        *,
        outcome: str,
        failed: bool,
        context: Context | None = None,
        kind: Kind = Kind.OWN,
        about: Message | None = None,
        answer: Message | None = None,
    ) -> None:
        self._tracer.take(
            Span(
                name=name,
                context=context or self._tracer.context(self._context),
                parent=self._context,
                kind=kind,
                start=began + self._shift,
                end=self._tracer.clock().mono + self._shift,
                account_id=self._account_id,
                about=about,
                answer=answer,
                outcome=outcome,
                failed=failed,
            )
        )

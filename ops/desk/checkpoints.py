"""The eight checkpoints as this process passes them: said, counted, and shown in the status."""

import logging
from collections import Counter

from actors.adapters import clock
from ops.desk.narrate import MARKS
from protocol.decisions import Checkpoint
from protocol.words import instant_text

log = logging.getLogger(__name__)


class Checkpoints:
    """How often each was passed, and when last."""

    def __init__(self) -> None:
        self.times: Counter[Checkpoint] = Counter()
        self.last: dict[str, str] = {}

    def passed(self, checkpoint: Checkpoint) -> None:
        """Note a passage that somebody else puts into words."""
        self.times[checkpoint] += 1
        self.last[checkpoint.word] = instant_text(clock.now().wall)

    def say(self, checkpoint: Checkpoint, text: str) -> None:
        """Note a passage, and log it in words under its number."""
        self.passed(checkpoint)
        mark = MARKS[checkpoint]
        log.info("%d %s %s", checkpoint, mark, text, extra={"checkpoint": checkpoint})

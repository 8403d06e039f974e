"""How fast this machine was: the stations of an enforcement, read off the service's own spans.

frame      a message of the Gateway's is in the intake
decision   the turn that demanded the enforcement is over
request    the first close or cancel is handed to the HTTP client, its lock on the disk;
           where a fill is heard before its position, as soon as that is known
answer     the broker's answer to it is there
proof      the turn that saw two reads agree is over: the flat certificate
"""

from collections.abc import Iterable
from statistics import median

import msgspec

from ops.rehearsal.spans import Seen

REQUESTED, CONFIRMED = "EnforcementRequested", "EnforcementConfirmed"
MUTATIONS = frozenset({"request CloseContract", "request PartialClose", "request CancelOrder"})
NANOS_A_MS = 1_000_000
DIGITS = 3


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """One enforcement's stations, each in milliseconds after the one before."""

    enforcement: str
    decision_ms: float
    request_ms: float
    answer_ms: float
    proof_ms: float

    @property
    def total_ms(self) -> float:
        """Return the milliseconds from the frame to the proof."""
        return self.decision_ms + self.request_ms + self.answer_ms + self.proof_ms


class Share(msgspec.Struct, frozen=True):
    """Many times, as a median and a maximum in milliseconds."""

    median: float
    max: float


def times(found: Iterable[Seen]) -> list[Times]:
    """Return the stations of every enforcement that can be followed to its proof, oldest first."""
    spans = sorted(found, key=lambda one: one.start)
    by_id = {one.id: one for one in spans}
    proofs = {one.told[CONFIRMED]: one for one in spans if CONFIRMED in one.told}
    measured: list[Times] = []
    for breach in spans:
        name = breach.told.get(REQUESTED, "")
        proof = proofs.get(name)
        asked = None if proof is None else first(spans, breach.end, proof.end)
        if asked is None or proof is None:
            continue
        frame = by_id.get(breach.parent, breach)
        measured.append(
            Times(
                enforcement=name,
                decision_ms=ms(frame.start, breach.end),
                request_ms=ms(breach.end, asked.start),
                answer_ms=ms(asked.start, asked.end),
                proof_ms=ms(asked.end, proof.end),
            )
        )
    return measured


def first(spans: Iterable[Seen], since: int, until: int) -> Seen | None:
    """Return the first request to reduce that left within a span of time, the oldest first."""
    asked = (one for one in spans if one.name in MUTATIONS and since <= one.start <= until)
    return next(asked, None)


def ms(since: int, until: int) -> float:
    """Return the milliseconds between two instants in nanoseconds."""
    return round((until - since) / NANOS_A_MS, DIGITS)


def shares(measured: Iterable[Times]) -> dict[str, Share]:
    """Return median and maximum of each station, and of all together."""
    rows = list(measured)
    columns = {
        "frame_to_decision": [one.decision_ms for one in rows],
        "decision_to_request": [one.request_ms for one in rows],
        "request_to_answer": [one.answer_ms for one in rows],
        "answer_to_proof": [one.proof_ms for one in rows],
        "frame_to_request": [one.decision_ms + one.request_ms for one in rows],
        "frame_to_proof": [one.total_ms for one in rows],
    }
    return {
        name: Share(round(median(column), DIGITS), round(max(column), DIGITS))
        for name, column in columns.items()
        if column
    }

"""Which trace a turn belongs to, where the whole desk would take long to bring it about."""

import pytest

from actors.adapters.spans import Span, attributes, event, outcome, went_well
from actors.turn import Turn
from ops.desk.tracing import Tracer
from ops.desk.under_way import UNDER_WAY_MAX
from protocol.account_facts import AccountSeen
from protocol.answers import AccountsRead, Answered, LoginFailed, Outcome
from protocol.decisions import (
    AlarmKind,
    AlarmRaised,
    Decision,
    EnforcementConfirmed,
    EnforcementFailing,
    EnforcementRequested,
    EnforcementWithdrawn,
    LockSet,
)
from protocol.enforcement import FlatCertificate, Priority
from protocol.lockouts import Lock, LockKind
from protocol.message import Message
from protocol.schedule import Tick
from protocol.units import AccountId, Nanos, Now, RuleName

FIRST, OTHER = AccountId(1), AccountId(2)
RULE = RuleName("max_contracts")
NOW = Now(wall=Nanos(1_000_000), mono=Nanos(1_000))


class Told:
    """A tracer, and what it told."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.tracer = Tracer(lambda: NOW, self.spans.append)

    def turn(self, *decisions: Decision, of: AccountId = FIRST, entered: bool = False) -> Span:
        turn = Turn(NOW)
        turn.portion(of).decisions += decisions
        message: Message | None = None
        if entered:
            message = Tick()
            self.tracer.arrived(None)
            self.tracer.taken()
        count = len(self.spans)
        self.tracer.turned(turn, message)
        return next(one for one in self.spans[count:] if one.name == "turn")

    def named(self, name: str) -> list[Span]:
        return [one for one in self.spans if one.name == name]


def requested(number: int = 1, of: AccountId = FIRST) -> EnforcementRequested:
    return EnforcementRequested(
        account_id=of,
        enforcement_id=f"{of}/{RULE}/{number}",
        rule=RULE,
        priority=Priority.POSITION,
        goals=(),
        why="too many",
    )


def confirmed(number: int = 1, of: AccountId = FIRST) -> EnforcementConfirmed:
    certificate = FlatCertificate(account_id=of, contract_id=None, reads=("r1", "r2"), at=NOW.wall)
    return EnforcementConfirmed(
        account_id=of,
        enforcement_id=f"{of}/{RULE}/{number}",
        rule=RULE,
        certificate=certificate,
        took_ms=3,
    )


def withdrawn(number: int = 1) -> EnforcementWithdrawn:
    return EnforcementWithdrawn(
        account_id=FIRST, enforcement_id=f"{FIRST}/{RULE}/{number}", rule=RULE
    )


def alarm(of: AccountId = FIRST) -> AlarmRaised:
    return AlarmRaised(account_id=of, kind=AlarmKind.TRUTH_UNKNOWN, why="timed out")


def test_what_happens_meanwhile_belongs_to_the_enforcement() -> None:
    told = Told()
    begun = told.turn(requested(), entered=True)
    meanwhile, elsewhere = told.turn(alarm()), told.turn(alarm(OTHER), of=OTHER)
    told.turn(confirmed())
    after = told.turn(alarm())

    enforcement = told.named(f"enforcement {RULE}")[0]
    assert enforcement.parent == begun.context
    assert meanwhile.parent == enforcement.context
    assert len({begun.context.trace_id, elsewhere.context.trace_id, after.context.trace_id}) == 3
    assert elsewhere.parent is after.parent is None


def test_a_new_breach_has_a_trace_of_its_own() -> None:
    told = Told()
    first, second = told.turn(requested(1)), told.turn(requested(2))

    assert first.context.trace_id != second.context.trace_id
    assert told.turn(confirmed(1)).context.trace_id == first.context.trace_id
    assert told.turn(alarm()).context.trace_id == second.context.trace_id


def test_a_certificate_told_in_another_trace_is_linked() -> None:
    told = Told()
    first, second = told.turn(requested(1)), told.turn(requested(2))
    both = told.turn(confirmed(1), confirmed(2))

    ends = {one.context.trace_id: one for one in told.named(f"enforcement {RULE}")}
    assert set(ends) == {first.context.trace_id, second.context.trace_id}
    assert both.context.trace_id == second.context.trace_id
    assert both.links == (ends[first.context.trace_id].context,)


def test_a_withdrawn_enforcement_ends_its_span() -> None:
    told = Told()
    told.turn(requested())
    told.turn(withdrawn())

    assert [one.outcome for one in told.named(f"enforcement {RULE}")] == ["withdrawn"]


def test_a_certificate_for_an_earlier_life_stands_alone() -> None:
    told = Told()
    proof = told.turn(confirmed())

    assert proof.parent is None
    assert told.named(f"enforcement {RULE}") == []


def test_what_is_followed_is_bounded() -> None:
    told = Told()
    for number in range(UNDER_WAY_MAX + 1):
        told.turn(requested(number))
    for number in range(UNDER_WAY_MAX + 1):
        told.turn(confirmed(number))

    assert len(told.named(f"enforcement {RULE}")) == UNDER_WAY_MAX


def test_a_mistake_in_tracing_is_said_and_holds_up_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(_: Span) -> None:
        raise RuntimeError("no room")

    tracer = Tracer(lambda: NOW, broken)
    turn = Turn(NOW)
    turn.portion(FIRST).decisions.append(requested())
    tracer.taken()

    assert tracer.turned(turn, None) == {}
    assert "a turn left no trace" in caplog.text


def test_names_are_no_attributes() -> None:
    seen = AccountSeen(account_id=FIRST, name="PRACTICE-1")
    one = Told().turn(alarm())

    assert attributes(Span(name="x", context=one.context, start=0, end=0, about=seen)) == {
        "riskwarden.message": "AccountSeen",
        "riskwarden.account": 1,
    }


def test_a_lock_tells_its_rule_its_reason_and_its_scope() -> None:
    lock = Lock(
        account_id=FIRST,
        kind=LockKind.HARD,
        rule=RULE,
        scope=None,
        reason="lost 500",
        since=NOW.wall,
        until=None,
    )

    name, told = event(LockSet(lock=lock))
    assert name == "LockSet"
    assert told["riskwarden.rule"] == RULE
    assert told["riskwarden.reason"] == "lost 500"
    assert event(confirmed())[1]["riskwarden.reads"] == ["r1", "r2"]


@pytest.mark.parametrize(
    ("answer", "word", "well"),
    [
        (None, "sent", True),
        (AccountsRead(accounts=()), "answered", True),
        (LoginFailed(why="no", refused=True), "failed", False),
        (Answered(command_id="1", account_id=FIRST, outcome=Outcome.ACCEPTED), "accepted", True),
        (Answered(command_id="1", account_id=FIRST, outcome=Outcome.UNCERTAIN), "uncertain", False),
    ],
)
def test_a_request_ends_in_a_word(answer: Message | None, word: str, well: bool) -> None:  # noqa: FBT001
    assert (outcome(answer), went_well(answer)) == (word, well)


def test_a_failing_attempt_belongs_to_its_enforcement() -> None:
    told = Told()
    begun = told.turn(requested(1))
    told.turn(requested(2))
    failing = EnforcementFailing(
        account_id=FIRST, enforcement_id=f"{FIRST}/{RULE}/1", rule=RULE, attempt=1, why="busy"
    )

    assert told.turn(failing).context.trace_id == begun.context.trace_id

"""A rule that asked for a time is asked again then, whatever happened to its timer meanwhile."""

from typing import NamedTuple

from msgspec.structs import replace

from actors import account_reads as reads
from actors.model.account_state import Kept, State, fresh
from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rule import RuleBehaviour
from actors.rules import RULES, max_contracts
from actors.rules.rule import Hears, Judgement, Rule, RuleParams, RuleState, Wake
from protocol.book import BookView
from protocol.effects import Send
from protocol.enforcement import Evaluate
from protocol.schedule import CancelTimer, Clock, DayKnown, Purpose, StartTimer
from protocol.units import SECOND, Nanos, Now, RuleName
from tests.actors.rig import ACCOUNT, FLAT, START, Bench

NAME = RuleName("patient")
TIMER = f"rule/{NAME}"
WALL = Wake(Clock.WALL, Nanos(START.wall + 10 * SECOND))
MONO = Wake(Clock.MONO, Nanos(START.mono + 10 * SECOND))


class Wish(NamedTuple):
    """What the rule says next, told through its params: a rule is a function."""

    wake: list[Wake | None]


def bench(*wakes: Wake | None) -> Bench:
    wish = Wish(list(wakes))

    def decide(
        params: RuleParams,  # noqa: ARG001
        state: RuleState,
        view: BookView,  # noqa: ARG001
        now: Now,  # noqa: ARG001
    ) -> Judgement[RuleState]:
        return Judgement(state, "", "", wake=wish.wake.pop(0))

    rule = Rule(NAME, "RULE-000", RuleParams, RuleState, Hears.CLOCK, decide)
    return Bench(RuleBehaviour(rule, RuleParams(), ACCOUNT))


def timers(told: Bench) -> list[StartTimer | CancelTimer]:
    """Return what the timer was told, and forget it."""
    sent: list[StartTimer | CancelTimer] = list(told.timers.values())
    sent += [one for _, one in told.sent if isinstance(one, CancelTimer)]
    told.timers.clear()
    told.sent.clear()
    return sent


def start(wake: Wake) -> StartTimer:
    return StartTimer(name=TIMER, purpose=Purpose.RULE, clock=wake.clock, deadline=wake.at)


def test_a_wish_is_told_when_it_changes() -> None:
    told = bench(None, WALL, WALL, MONO, None, None)

    heard: list[list[StartTimer | CancelTimer]] = []
    for _ in range(6):
        told.tell(Evaluate(view=FLAT))
        heard.append(timers(told))

    assert heard == [[], [start(WALL)], [], [start(MONO)], [CancelTimer(name=TIMER)], []]


def test_a_wish_is_told_again_after_its_timer_fired_early() -> None:
    told = bench(MONO, MONO)
    told.tell(Evaluate(view=FLAT))
    timers(told)

    told.tell(Evaluate(view=FLAT, afresh=True))

    assert timers(told) == [start(MONO)]


def test_a_wish_that_is_due_is_not_told_again_or_rule_and_timer_would_chase_each_other() -> None:
    past = Wake(Clock.WALL, START.wall)
    told = bench(past, past)
    told.tell(Evaluate(view=FLAT))
    timers(told)

    told.tell(Evaluate(view=FLAT, afresh=True))

    assert timers(told) == []


def account(*, known: bool) -> State:
    plan = AccountPlan(
        account_id=ACCOUNT,
        name="1001",
        reset=ResetSchedule(),
        rules={max_contracts.NAME: max_contracts.Params(limit=1)},
    )
    day = DayKnown(started=START.wall, day="", next_reset=START.wall)
    return replace(fresh(plan, Kept(), day), known=known)


RULE = f"rule/{max_contracts.NAME}"


def test_a_rule_whose_time_has_come_is_asked_afresh() -> None:
    state = account(known=True)

    asked = reads.woken(state, (max_contracts.NAME,), RULE)

    assert asked == (Send(RULE, Evaluate(view=state.view, afresh=True)),)


def test_nobody_is_asked_about_a_book_that_was_never_read() -> None:
    assert reads.woken(account(known=False), (max_contracts.NAME,), RULE) == ()


def test_the_timer_of_a_rule_that_was_taken_out_or_gave_up_wakes_nobody() -> None:
    state = account(known=True)

    assert set(RULES) > {max_contracts.NAME}
    assert reads.woken(state, (max_contracts.NAME,), "rule/taken_out") == ()
    gone = replace(state, gone=frozenset({RULE}))
    assert reads.woken(gone, (max_contracts.NAME,), RULE) == ()

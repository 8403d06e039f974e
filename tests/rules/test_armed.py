"""A rule as an actor has it, which remembers what it worked out, judges as one that does not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.model.frequency import Count
from actors.model.ledger import Ledger
from actors.model.round_trips import Basis
from actors.rules import RULES, cooldown_after_loss, trade_frequency_limit
from actors.rules.rule import AnyRule, RuleParams
from protocol.account_facts import TradeSeen
from protocol.book import BookView
from protocol.units import RuleName, Usd
from tests.model.fills import ENQ, MNQ, any_day, at, shuffled, void
from tests.rules.days import day, moment

EVERY_COUNT = st.builds(
    trade_frequency_limit.Params,
    per_minute=st.integers(1, 3),
    per_session=st.none() | st.integers(1, 5),
    count=st.sampled_from(Count),
    trigger=st.sampled_from(trade_frequency_limit.When),
    cooldown_minute=st.sampled_from(("1s", "5s")),
    flatten=st.booleans(),
)
EVERY_BASIS = st.builds(
    cooldown_after_loss.Params, basis=st.sampled_from(Basis), flatten=st.booleans()
)
ARMED: dict[RuleName, st.SearchStrategy[Any]] = {
    trade_frequency_limit.NAME: EVERY_COUNT,
    cooldown_after_loss.NAME: EVERY_BASIS,
}
SHOWN = st.none() | st.fixed_dictionaries(
    {MNQ.contract_id: st.integers(-2, 2), ENQ.contract_id: st.integers(-2, 2)}
)


def test_every_rule_that_remembers_is_tried() -> None:
    assert set(ARMED) == {name for name, rule in RULES.items() if rule.arm is not None}


@st.composite
def views(draw: st.DrawFn) -> list[tuple[BookView, float]]:
    """Draw how an account tells of its day: in any order, with voids, echoes, reads, resets."""
    fills = draw(any_day())
    gone = draw(st.sets(st.sampled_from(fills))) if fills else set[TradeSeen]()
    ledger, told = Ledger(started=at(0)), list[tuple[BookView, float]]()
    for clock, message in enumerate(
        draw(shuffled([*fills, *map(void, sorted(gone, key=fills.index))]))
    ):
        ledger = ledger.book(message)
        match draw(st.sampled_from(("told", "told", "read", "reset"))):
            case "read":
                ledger = ledger.rebuilt([replace(one) for one in ledger.trades])
            case "reset":
                ledger = ledger.next_day(at(draw(st.integers(0, 20))))
            case _:
                pass
        view = day(
            *ledger.trades,
            shows=draw(SHOWN),
            day=str(ledger.started),
            include_fees=draw(st.booleans()),
            session=draw(st.none() | st.integers(0, 30).map(at)),
            known=draw(st.integers(0, 9)) > 0,
            realized=draw(st.sampled_from((Usd(0), Usd(0), Usd(0), None))),
        )
        told.append((view, float(clock)))
    return told


@pytest.mark.parametrize("rule", [RULES[name] for name in ARMED], ids=list(ARMED))
@given(st.data())
def test_what_it_remembers_changes_no_judgement(rule: AnyRule, data: st.DataObject) -> None:
    params: RuleParams = data.draw(ARMED[rule.name])
    armed, state = rule.armed(params), rule.state()

    for view, clock in data.draw(views()):
        anew = rule.decide(params, state, view, moment(clock))
        assert armed(state, view, moment(clock)) == anew
        state = anew.state

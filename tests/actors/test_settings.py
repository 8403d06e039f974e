"""An account whose settings change while it is guarded, and while nobody is there (rules.md 4)."""

from decimal import Decimal

import pytest

from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan, settings_of
from actors.roster import DeskRoster, plan_at
from actors.rules import (
    cooldown_after_loss,
    daily_realized_loss,
    daily_unrealized_loss,
    max_contracts,
    symbol_blocks,
)
from actors.rules.rule import Mode, RuleParams
from actors.runtime import Runtime
from actors.settings import resumed
from actors.tree import account as tree_of
from config.calendars import load_shipped
from protocol.codec import decode_state
from protocol.decisions import (
    AlarmRaised,
    ConfigurationRefused,
    ConfigurationTaken,
    EnforcementRequested,
    LockEnded,
    LockSet,
)
from protocol.enforcement import Evaluate
from protocol.schedule import ClockSkewed, ResetDue
from protocol.settings import KeptSettings, Reconfigure, RefuseSettings
from protocol.units import MILLISECOND, SECOND, Nanos, Now, RuleName, usd
from tests.actors.faulty import FaultyRoster
from tests.actors.loyal import PATH, Desk
from tests.actors.test_tree import Times
from tests.sim.broker import ACCOUNT, ES, MNQ

DAY_MS = 24 * 3_600_000
KEEPER = f"{PATH}/settings"


def contracts(limit: int, **more: str) -> tuple[RuleName, RuleParams]:
    return max_contracts.NAME, max_contracts.Params(limit=limit, **more)  # type: ignore[arg-type]


def loss(limit: int, mode: Mode = Mode.ENFORCE) -> tuple[RuleName, RuleParams]:
    return daily_realized_loss.NAME, daily_realized_loss.Params(limit=Decimal(limit), mode=mode)


def open_loss(limit: int) -> tuple[RuleName, RuleParams]:
    return daily_unrealized_loss.NAME, daily_unrealized_loss.Params(limit=Decimal(limit))


def blocked(*symbols: str) -> tuple[RuleName, RuleParams]:
    return symbol_blocks.NAME, symbol_blocks.Params(symbols=symbols)


def plan(*rules: tuple[RuleName, RuleParams], mode: Mode = Mode.ENFORCE) -> AccountPlan:
    return AccountPlan(
        account_id=ACCOUNT, name="practice", mode=mode, reset=ResetSchedule(), rules=dict(rules)
    )


def reload(desk: Desk, wanted: AccountPlan) -> ConfigurationTaken:
    """Ask for other settings, and return what was decided."""
    desk.hear(Reconfigure(account_id=ACCOUNT, wanted=settings_of(wanted)))
    return desk.said(ConfigurationTaken)[-1]


def left(desk: Desk) -> int:
    """Return how many milliseconds the day still lasts."""
    ends: int = desk.runtime.states[PATH].day.next_reset
    return (ends - desk.now.wall) // MILLISECOND


def kept(desk: Desk) -> KeptSettings:
    return decode_state(desk.stored[KEEPER], KeptSettings)


def again(desk: Desk, configured: AccountPlan) -> Desk:
    """Return the desk after a restart on another configuration, as its process would build it."""
    held = resumed(kept(desk), configured, desk.now.wall)
    return Desk(held, stored=desk.stored, broker=desk.broker)


def test_a_tighter_limit_is_enforced_on_what_is_held_already() -> None:
    desk = Desk(plan(contracts(5)))
    desk.trade(MNQ, 4)

    taken = reload(desk, plan(contracts(3)))
    desk.wait(2_000)

    assert taken.applied == ("rules.max_contracts.limit: 5 -> 3",)
    assert (taken.on, taken.waits, taken.until) == ("reload", (), None)
    assert desk.broker.positions[MNQ].size == 3
    assert desk.deaths == []
    assert desk.said(AlarmRaised) == []


def test_a_looser_limit_waits_for_the_reset_and_then_applies() -> None:
    desk = Desk(plan(contracts(2)))
    taken = reload(desk, plan(contracts(4)))
    desk.trade(MNQ, 4)
    desk.wait(2_000)

    assert taken.applied == ()
    assert taken.waits == ("rules.max_contracts.limit: 2 -> 4",)
    assert taken.until == desk.runtime.states[PATH].day.next_reset
    assert desk.broker.positions[MNQ].size == 2

    desk.trade(MNQ, -2)
    desk.wait(DAY_MS)
    assert [one.on for one in desk.said(ConfigurationTaken)] == ["reload", "reset"]
    assert kept(desk).wanted is None
    desk.trade(MNQ, 4)
    desk.wait(2_000)
    assert desk.broker.positions[MNQ].size == 4
    assert desk.said(AlarmRaised) == []


def test_what_waits_applies_at_the_reset_although_the_settings_die_as_they_hear_of_it() -> None:
    struck = Times(1, ResetDue)
    before = plan(contracts(2))
    desk = Desk(before, FaultyRoster(before, lambda at, one: at == KEEPER and struck(one)))
    reload(desk, plan(contracts(4)))
    desk.wait(DAY_MS)

    assert [path for path, _ in desk.deaths] == [KEEPER]
    assert [one.on for one in desk.said(ConfigurationTaken)] == ["reload", "reset"]
    assert kept(desk).wanted is None
    desk.trade(MNQ, 4)
    desk.wait(2_000)
    assert desk.broker.positions[MNQ].size == 4


def test_the_tighter_parts_apply_now_and_the_looser_ones_at_the_reset() -> None:
    desk = Desk(plan(contracts(5), loss(-500)))
    taken = reload(desk, plan(contracts(3), loss(-900), open_loss(-100)))

    assert taken.applied == (
        "rules.daily_unrealized_loss: added",
        "rules.max_contracts.limit: 5 -> 3",
    )
    assert taken.waits == ("rules.daily_realized_loss.limit: -500 -> -900",)
    desk.trade(MNQ, 3)
    desk.move(MNQ, -100)
    desk.wait(2_000)
    assert desk.broker.positions == {}
    assert {one.rule for one in desk.said(EnforcementRequested)} == {"daily_unrealized_loss"}


def test_a_rule_that_is_taken_out_stays_until_the_reset() -> None:
    desk = Desk(plan(contracts(2), loss(-500)))
    taken = reload(desk, plan(loss(-500)))
    desk.trade(MNQ, 3)
    desk.wait(2_000)

    assert taken.waits == ("rules.max_contracts: removed",)
    assert desk.broker.positions[MNQ].size == 2

    desk.trade(MNQ, -2)
    desk.wait(DAY_MS)
    assert f"{PATH}/rule/max_contracts" not in desk.runtime.addresses
    desk.trade(MNQ, 7)
    desk.wait(2_000)
    assert desk.broker.positions[MNQ].size == 7
    assert desk.said(AlarmRaised) == []


def test_asking_for_what_is_in_force_again_withdraws_what_waits() -> None:
    desk = Desk(plan(contracts(2)))
    reload(desk, plan(contracts(4)))
    taken = reload(desk, plan(contracts(2)))

    assert (taken.applied, taken.waits) == ((), ())
    desk.wait(DAY_MS)
    desk.trade(MNQ, 3)
    desk.wait(2_000)
    assert desk.broker.positions[MNQ].size == 2


def test_a_limit_that_was_tightened_cannot_be_taken_back_on_the_same_day() -> None:
    desk = Desk(plan(contracts(5)))
    reload(desk, plan(contracts(2)))
    taken = reload(desk, plan(contracts(5)))
    desk.trade(MNQ, 5)
    desk.wait(2_000)

    assert taken.waits == ("rules.max_contracts.limit: 2 -> 5",)
    assert desk.broker.positions[MNQ].size == 2


def test_a_tighter_day_limit_that_is_broken_already_locks_at_once() -> None:
    desk = Desk(plan(loss(-2_000)))
    desk.trade(MNQ, 2)
    desk.move(MNQ, -300)
    assert desk.said(LockSet) == []

    reload(desk, plan(loss(-200)))
    desk.wait(2_000)
    assert [one.lock.rule for one in desk.said(LockSet)] == ["daily_realized_loss"]
    assert desk.broker.positions == {}

    reload(desk, plan(loss(-2_000)))
    desk.wait(2_000)
    assert desk.said(LockEnded) == []


def test_what_was_only_watched_is_enforced_at_once_and_as_written() -> None:
    desk = Desk(plan(loss(-100, Mode.SHADOW)))
    desk.trade(MNQ, 2)
    desk.move(MNQ, -150)
    desk.wait(2_000)
    assert desk.broker.positions[MNQ].size == 2

    reload(desk, plan(loss(-500)))
    desk.wait(2_000)
    assert desk.broker.positions[MNQ].size == 2, "-150 is within the -500 that is enforced now"
    desk.move(MNQ, -400)
    desk.wait(2_000)
    assert desk.broker.positions == {}


def test_a_rule_keeps_what_it_knows_through_the_change() -> None:
    cooling = cooldown_after_loss.NAME, cooldown_after_loss.Params(tiers={"30m": Decimal(-50)})
    desk = Desk(plan(cooling))
    desk.trade(MNQ, 1)
    desk.move(MNQ, -200)
    desk.trade(MNQ, -1)
    desk.wait(1_000)
    (lock,) = desk.said(LockSet)
    before = desk.runtime.states[f"{PATH}/rule/{cooling[0]}"].rule

    tighter = cooldown_after_loss.Params(tiers={"30m": Decimal(-50), "2h": Decimal(-900)})
    reload(desk, plan((cooling[0], tighter)))

    after = desk.runtime.states[f"{PATH}/rule/{cooling[0]}"].rule
    assert (after.until, after.why) == (before.until, before.why)
    assert after.until == lock.lock.until
    assert [one.lock for one in desk.said(LockEnded)] == []


def test_a_symbol_is_freed_at_the_reset_that_takes_it_out() -> None:
    desk = Desk(plan(blocked("ES", "MNQ")))
    desk.trade(ES, 1)
    desk.wait(2_000)
    assert [one.lock.scope for one in desk.said(LockSet)] == ["ES"]

    reload(desk, plan(blocked("MNQ")))
    desk.wait(2_000)
    assert desk.said(LockEnded) == []
    desk.wait(DAY_MS)
    assert [one.lock.scope for one in desk.said(LockEnded)] == ["ES"]


def test_a_restart_brings_nothing_forward() -> None:
    desk = Desk(plan(contracts(2), loss(-500)))
    reload(desk, plan(contracts(4), loss(-500)))

    restarted = again(desk, plan(contracts(4)))
    (taken,) = restarted.said(ConfigurationTaken)
    restarted.trade(MNQ, 4)
    restarted.wait(2_000)

    assert (taken.on, taken.applied) == ("start", ())
    assert taken.waits == (
        "rules.daily_realized_loss: removed",
        "rules.max_contracts.limit: 2 -> 4",
    )
    assert restarted.broker.positions[MNQ].size == 2
    assert set(restarted.runtime.states[PATH].plan.rules) == {
        "daily_realized_loss",
        "max_contracts",
    }


def test_a_start_on_a_later_day_takes_the_configuration_once_two_clocks_say_so() -> None:
    desk = Desk(plan(contracts(2)))
    tomorrow = Now(wall=Nanos(desk.now.wall + DAY_MS * MILLISECOND), mono=desk.now.mono)
    held = resumed(kept(desk), plan(contracts(4)), tomorrow.wall)
    assert held.rules == plan(contracts(2)).rules

    runtime = Runtime(DeskRoster((held,)), desk.stored)
    runtime.start(tomorrow)
    assert runtime.states[PATH].plan.rules == plan(contracts(2)).rules
    runtime.input(PATH, ClockSkewed(ahead=Nanos(DAY_MS * MILLISECOND)), tomorrow)
    assert runtime.states[PATH].plan.rules == plan(contracts(2)).rules

    runtime.input(PATH, ClockSkewed(ahead=Nanos(0)), tomorrow)
    assert runtime.states[PATH].plan.rules == plan(contracts(4)).rules
    assert runtime.states[KEEPER].wanted is None


def test_a_restart_tightens_at_once() -> None:
    desk = Desk(plan(contracts(5)))
    desk.trade(MNQ, 4)

    restarted = again(desk, plan(contracts(3)))
    restarted.wait(2_000)

    assert restarted.broker.positions[MNQ].size == 3
    assert restarted.said(ConfigurationTaken)[0].applied == ("rules.max_contracts.limit: 5 -> 3",)


def test_a_refusal_is_written_down_and_changes_nothing() -> None:
    desk = Desk(plan(contracts(2)))
    before = kept(desk)

    desk.hear(RefuseSettings(account_id=ACCOUNT, problems=("limit: 0 must be greater than 0",)))

    assert desk.said(ConfigurationRefused)[0].problems == ("limit: 0 must be greater than 0",)
    assert kept(desk) == before


def test_a_rule_that_dies_as_it_begins_again_is_started_once_more() -> None:
    struck = Times(0, Evaluate)
    one = plan(contracts(5))
    roster = FaultyRoster(
        one, lambda at, message: at == f"{PATH}/rule/max_contracts" and struck(message)
    )
    desk = Desk(one, roster)
    desk.trade(MNQ, 4)
    struck.left = 2

    reload(desk, plan(contracts(3)))
    desk.wait(2_000)

    assert len(desk.deaths) == 2
    assert desk.broker.positions[MNQ].size == 3


def test_a_rule_that_is_gone_is_tried_again_with_other_settings_and_fails_closed() -> None:
    """While it was only watched nothing was locked for it."""
    watched, at = plan(loss(-500, Mode.SHADOW)), f"{PATH}/rule/{daily_realized_loss.NAME}"
    desk = Desk(watched, FaultyRoster(watched, lambda path, _: path == at))
    assert at not in desk.runtime.states
    assert desk.said(LockSet) == []

    reload(desk, plan(loss(-500)))

    assert at not in desk.runtime.states
    assert [one.lock.rule for one in desk.said(LockSet)] == ["supervision"]


def test_a_rule_that_is_gone_stands_again_with_settings_that_it_can_bear() -> None:
    one, at = plan(loss(-500), contracts(5)), f"{PATH}/rule/{daily_realized_loss.NAME}"
    struck = Times(tree_of(tuple(one.rules)).intensity + 1, Evaluate)
    desk = Desk(one, FaultyRoster(one, lambda path, message: path == at and struck(message)))
    assert at not in desk.runtime.states

    reload(desk, plan(loss(-500), contracts(3)))
    assert at not in desk.runtime.states, "it has not changed"
    reload(desk, plan(loss(-400), contracts(3)))
    assert desk.runtime.states[at].evaluated is not None
    assert len(desk.runtime.states[f"{PATH}/lockout"].locks) == 1, "until the reset all the same"


def test_what_an_account_knows_besides_its_settings_outlives_its_death() -> None:
    calendars = (load_shipped("cme_equity"),)
    one = AccountPlan(
        account_id=ACCOUNT,
        name="practice",
        reset=ResetSchedule(),
        rules=dict((contracts(2),)),
        calendars=calendars,
    )
    desk = Desk(one)
    reload(desk, plan(contracts(1)))

    reborn = plan_at(desk.runtime, PATH)

    assert reborn.calendars == calendars
    assert reborn.rules == dict((contracts(1),))
    assert (reborn.mode, reborn.reset) == (one.mode, one.reset)


@pytest.mark.parametrize("after", [(loss(-500),), ()], ids=["looser", "taken-out"])
def test_settings_that_end_with_the_day_lock_nothing_in_the_next(
    after: tuple[tuple[RuleName, RuleParams], ...],
) -> None:
    """A clock that is behind: the last trades of the day are the first ones of the next too."""
    desk = Desk(plan(loss(-100)))
    reload(desk, plan(*after))
    desk.wait(left(desk) - 20_000)
    for ticks, dated in ((400, 0), (-300, 60 * SECOND)):
        desk.tell(desk.broker.market(MNQ, 1, Nanos(desk.now.wall + dated)))
        desk.wait(1_000)
        desk.move(MNQ, ticks)
        desk.tell(desk.broker.market(MNQ, -1, Nanos(desk.now.wall + dated)))
        desk.wait(3_000)

    desk.wait(left(desk) + 2_000)

    assert [one.on for one in desk.said(ConfigurationTaken)] == ["reload", "reset"]
    assert desk.runtime.states[PATH].view.realized < usd(Decimal(-100))
    assert (desk.said(LockSet), desk.said(EnforcementRequested)) == ([], [])

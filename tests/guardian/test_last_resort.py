"""A reload of an account whose actors are gone: said, with what holds instead and until when."""

import pytest

from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rules import max_contracts
from actors.rules.rule import Mode, RuleParams
from actors.tree import desk as desk_tree
from config.schema import AccountConfig, LoginConfig, ServiceConfig
from config.secret_ref import SecretRef, SecretSource
from ops.commands.reload import exit_code, render
from ops.desk.pipe import Command
from ops.desk.reloads import Reloads, guarded
from protocol.account_facts import PositionSeen
from protocol.control import DeskReload, ReloadStatus
from protocol.message import Message
from protocol.units import RuleName
from tests.actors.faulty import FaultyRoster
from tests.actors.loyal import PATH, Desk
from tests.sim.broker import ACCOUNT, MNQ

LOGIN = "main"
SECRET = SecretRef(SecretSource.ENV, "X")
RULES: dict[RuleName, RuleParams] = {max_contracts.NAME: max_contracts.Params(limit=2)}


def plan(mode: Mode) -> AccountPlan:
    return AccountPlan(
        account_id=ACCOUNT, name="practice", mode=mode, reset=ResetSchedule(), rules=RULES
    )


def config(mode: Mode) -> ServiceConfig:
    login = LoginConfig(name=LOGIN, username=SECRET, api_key=SECRET)
    account = AccountConfig(login=LOGIN, id=ACCOUNT, mode=mode, rules=RULES)
    return ServiceConfig(logins=(login,), accounts=(account,))


def in_last_resort(mode: Mode) -> Desk:
    """Return a desk whose account has died once too often."""

    def strikes(path: str, message: Message) -> bool:
        return path == PATH and isinstance(message, PositionSeen)

    struck = FaultyRoster(plan(mode), strikes)
    desk = Desk(plan(mode), struck)
    for _ in range(desk_tree((ACCOUNT,)).intensity + 1):
        desk.trade(MNQ, 1)
    assert f"{PATH}/last_resort" in desk.runtime.addresses
    return desk


def reload(desk: Desk, mode: Mode) -> DeskReload:
    """Have a desk's accounts be asked, as its process does."""
    reloads = Reloads(lambda: config(mode))
    reloads.ask(Command("reload", 1))
    plans = desk.runtime.roster.plans.values()  # type: ignore[attr-defined]
    accounts = guarded(plans, desk.runtime.addresses)
    _, asked = reloads.begin(config(mode), LOGIN, {}, accounts)
    for message in asked:
        desk.hear(message)
    for decision in desk.decisions:
        reloads.take(decision)
    assert reloads.told is not None
    return reloads.told


def answer(told: DeskReload) -> ReloadStatus:
    return ReloadStatus(
        serial=1, at="", accepted=True, problems=[], warnings=[], accounts=told.accounts, added=[]
    )


@pytest.mark.parametrize(
    ("mode", "holds"),
    [
        (Mode.ENFORCE, "everything is closed and cancelled, and no rule judges"),
        (Mode.SHADOW, "no rule judges, and being in shadow nothing is closed"),
    ],
)
def test_a_reload_says_that_an_account_in_last_resort_takes_nothing(mode: Mode, holds: str) -> None:
    told = answer(reload(in_last_resort(mode), mode))

    (change,) = told.accounts
    assert (change.id, change.applied, change.waits) == (ACCOUNT, [], [])
    until = "until the service is restarted, which takes this configuration in"
    assert render(told)[2:] == [
        f"account {ACCOUNT}: NOT TAKEN",
        f"  its actors are gone, and it is in last resort: {holds}, {until}",
    ]
    assert exit_code(told) == 1


def test_an_account_that_lives_answers_for_itself() -> None:
    told = answer(reload(Desk(plan(Mode.ENFORCE)), Mode.ENFORCE))

    assert [(one.id, one.instead) for one in told.accounts] == [(ACCOUNT, "")]
    assert exit_code(told) == 0

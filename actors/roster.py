"""The roster: every Thespian class there is, each a shell around one behaviour."""

from importlib.metadata import version
from typing import Any

from msgspec.structs import replace
from thespian.actors import Actor

from actors.account import Account
from actors.behaviour import Behaviour
from actors.enforcer import Enforcer
from actors.gateway import Gateway
from actors.last_resort import LastResort
from actors.lockout import Lockout
from actors.market_data import MarketData
from actors.plan import AccountPlan, plan_bytes, planned
from actors.reset import Reset
from actors.rule import RuleBehaviour, ShadowRule
from actors.rules import RULES
from actors.rules.rule import Mode
from actors.runtime import Runtime
from actors.settings import SettingsKeeper
from actors.shadow import ShadowEnforcer, ShadowLastResort
from actors.shell import Shell
from actors.supervisor import Supervisor
from actors.timer import Timer
from actors.tree import RULE_PREFIX, SETTINGS
from protocol.settings import KeptSettings
from protocol.units import AccountId, RuleName

RELEASE = version("riskwarden")
"""What the journal says about who wrote it."""


class DeskRoster:
    """Which class stands at which path, and the plans they are built from."""

    def __init__(self, plans: tuple[AccountPlan, ...], release: str = RELEASE) -> None:
        self.plans = {plan.account_id: plan for plan in plans}
        self.release = release

    @property
    def accounts(self) -> tuple[AccountId, ...]:
        """Return the desk's accounts, in the order of the configuration."""
        return tuple(self.plans)

    def origin(self, account: AccountId) -> tuple[str, bytes]:
        """Return what the journal is to say of an account's start."""
        return self.release, plan_bytes(self.plans[account])

    def actor_class(self, path: str) -> type[Actor]:
        """Return the class of the actor at this path."""
        if not path.startswith("account/"):
            return DESK[path]
        child = path.split("/", 2)[2:]
        if not child:
            return AccountActor
        return RuleActor if child[0].startswith(RULE_PREFIX) else ACCOUNT[child[0]]


def roster(runtime: Runtime) -> DeskRoster:
    """Return the roster that a runtime was built with."""
    found = runtime.roster
    assert isinstance(found, DeskRoster)
    return found


def plan_at(runtime: Runtime, path: str) -> AccountPlan:
    """Return the plan in force of the account that a path belongs to.

    The account's settings actor knows it.  Its mode and its days change with the next life of the
    desk alone, since nobody but a whole tree of actors can follow.
    """
    account_id = AccountId(int(path.split("/")[1]))
    initial = roster(runtime).plans[account_id]
    keeper = f"account/{account_id}/{SETTINGS}"
    kept = runtime.states.get(keeper) or runtime.kept.get(keeper)
    if not isinstance(kept, KeptSettings):
        return initial
    found = planned(kept.held, account_id, initial.name)
    return replace(
        found,
        mode=initial.mode,
        reset=initial.reset,
        calendars=initial.calendars,
        settings=kept,
    )


class SupervisorActor(Shell):
    """The root of a desk."""

    def behaviour(self, runtime: Runtime, path: str) -> Behaviour[Any]:  # noqa: ARG002
        """Supervise the desk's accounts."""
        return Supervisor(roster(runtime).accounts)


class GatewayActor(Shell):
    """The connection of a login."""

    def behaviour(self, runtime: Runtime, path: str) -> Behaviour[Any]:  # noqa: ARG002
        """Connect the desk's accounts."""
        return Gateway(roster(runtime).accounts)


class MarketDataActor(Shell):
    """The market of a login."""

    def behaviour(self, runtime: Runtime, path: str) -> Behaviour[Any]:  # noqa: ARG002
        """Keep the quotes."""
        return MarketData()


class AccountActor(Shell):
    """One account: parent of the actors below."""

    def behaviour(self, runtime: Runtime, path: str) -> Behaviour[Any]:
        """Run the account by its plan."""
        return Account(plan_at(runtime, path))


class TimerActor(Shell):
    """An account's deadlines."""

    def behaviour(self, runtime: Runtime, path: str) -> Behaviour[Any]:  # noqa: ARG002
        """Keep time."""
        return Timer()


class LockoutActor(Shell):
    """An account's locks."""

    def behaviour(self, runtime: Runtime, path: str) -> Behaviour[Any]:
        """Keep the locks."""
        return Lockout(plan_at(runtime, path).account_id)


class ResetActor(Shell):
    """An account's trading days."""

    def behaviour(self, runtime: Runtime, path: str) -> Behaviour[Any]:
        """Keep the days."""
        return Reset(plan_at(runtime, path).reset)


class EnforcerActor(Shell):
    """The one actor that acts on an account."""

    def behaviour(self, runtime: Runtime, path: str) -> Behaviour[Any]:
        """Enforce, or say what would have been enforced."""
        plan = plan_at(runtime, path)
        kind = ShadowEnforcer if plan.mode is Mode.SHADOW else Enforcer
        return kind(plan.account_id)


class SettingsActor(Shell):
    """By what an account is guarded."""

    def behaviour(self, runtime: Runtime, path: str) -> Behaviour[Any]:
        """Keep the settings."""
        return SettingsKeeper(plan_at(runtime, path))


class RuleActor(Shell):
    """One rule of an account, enforced or in the shadow."""

    def behaviour(self, runtime: Runtime, path: str) -> Behaviour[Any]:
        """Find the rule that the path names."""
        plan = plan_at(runtime, path)
        name = RuleName(path.rsplit("/", 1)[1])
        kind = ShadowRule if plan.shadowed(name) else RuleBehaviour
        return kind(RULES[name], plan.rules[name], plan.account_id)


class LastResortActor(Shell):
    """Keeps an account flat when its own tree will not stand."""

    def behaviour(self, runtime: Runtime, path: str) -> Behaviour[Any]:
        """Hold the account flat, unless it is only watched."""
        plan = plan_at(runtime, path)
        return ShadowLastResort() if plan.mode is Mode.SHADOW else LastResort(plan.account_id)


DESK: dict[str, type[Actor]] = {
    "supervisor": SupervisorActor,
    "gateway": GatewayActor,
    "market_data": MarketDataActor,
}
ACCOUNT: dict[str, type[Actor]] = {
    "timer": TimerActor,
    "lockout": LockoutActor,
    "reset": ResetActor,
    "enforcer": EnforcerActor,
    SETTINGS: SettingsActor,
    "last_resort": LastResortActor,
}

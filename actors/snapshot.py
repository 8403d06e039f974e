"""What an account's actors know at the end of a turn, as bytes: a replay can begin there.

A start needs only what was kept.  But a desk runs for weeks, and its journal is cut: so at each
reset, and now and then in between, everything goes into the journal as it is in memory.
"""

from typing import Any

import msgspec
from msgspec.structs import FieldInfo

from actors.account import Account
from actors.behaviour import Behaviour
from actors.enforcer import Enforcer
from actors.last_resort import LastResort
from actors.last_resort import State as LastResortState
from actors.lockout import Lockout
from actors.lockout import State as LockoutState
from actors.model.account_state import State as AccountState
from actors.model.enforcement_state import State as EnforcerState
from actors.plan import AccountPlan, read_plan
from actors.reset import Reset
from actors.reset import State as ResetState
from actors.rule import RuleBehaviour
from actors.rule import State as RuleActorState
from actors.rules.rule import RuleState
from actors.settings import SettingsKeeper
from actors.shadow import ShadowEnforcer, ShadowLastResort
from actors.shadow import State as ShadowState
from actors.timer import State as TimerState
from actors.timer import Timer
from protocol.codec import encode_state
from protocol.lifecycle import Began, Snapshot
from protocol.settings import KeptSettings

SHAPES: dict[type, Any] = {
    Account: AccountState,
    Timer: TimerState,
    Lockout: LockoutState,
    Reset: ResetState,
    Enforcer: EnforcerState,
    ShadowEnforcer: ShadowState,
    SettingsKeeper: KeptSettings,
    LastResort: LastResortState,
    ShadowLastResort: None,
}
"""What each behaviour's state is; a rule's depends on the rule."""


def snapshot(began: Began, states: dict[str, Any], tree: str) -> Snapshot:
    """Return everything that an account's actors know, by path."""
    view = getattr(states.get(tree), "view", None)
    return Snapshot(
        release=began.release,
        plan=began.plan,
        kept=began.kept,
        states={path: encode_state(state) for path, state in states.items()},
        shared=view is not None and getattr(states.get(f"{tree}/enforcer"), "view", None) is view,
    )


def read_state(raw: bytes, logic: Behaviour[Any]) -> Any:
    """Return a behaviour's state; raise ValueError if this release has another one."""
    try:
        if isinstance(logic, RuleBehaviour):
            return _struct(raw, RuleActorState, logic.kept or RuleState)
        shape = SHAPES[type(logic)]
        return None if shape is None else _struct(raw, shape, RuleState)
    except msgspec.MsgspecError as error:
        raise ValueError(f"this release reads a snapshot otherwise: {error}") from error


def _struct(raw: bytes, shape: type[Any], rule_state: type[Any]) -> Any:
    """Return a struct two of whose fields are of a type that only its owner knows."""
    fields = msgspec.msgpack.decode(raw, type=dict[str, msgspec.Raw])
    return shape(
        **{
            one.name: _field(fields[one.encode_name], one, rule_state)
            for one in msgspec.structs.fields(shape)
            if one.encode_name in fields
        }
    )


def _field(raw: msgspec.Raw, field: FieldInfo, rule_state: type[Any]) -> Any:
    if field.type is AccountPlan:
        return read_plan(bytes(raw))
    return msgspec.msgpack.decode(raw, type=rule_state if field.type is RuleState else field.type)

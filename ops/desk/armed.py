"""Whether a rule protects, in every sense that there is, read off the actors' last states.

A rule can be configured and yet be of no use: its actor is gone, nobody tells it anything, it has
not judged, or nobody acts on what it says.  Each of these is looked at by itself.
"""

from actors.account_reads import late_rules
from actors.model.account_state import State as AccountState
from actors.plan import AccountPlan
from actors.rule import State as RuleState
from actors.rules import RULES
from actors.rules.rule import Mode
from actors.runtime import Runtime
from actors.tree import RULE_PREFIX
from protocol.control import RuleStatus
from protocol.units import Now, RuleName
from protocol.words import instant_text


def rule(runtime: Runtime, plan: AccountPlan, path: str, name: RuleName, now: Now) -> RuleStatus:
    """Return how a rule of the account at this path stands."""
    account: AccountState | None = runtime.states.get(path)
    state: RuleState | None = runtime.states.get(f"{path}/{RULE_PREFIX}{name}")
    loaded = state is not None
    subscribed = account is not None and hears(account, name)
    evaluated = state.evaluated if state is not None else None
    late = account is None or name in late_rules(account, now)
    armed = loaded and subscribed and evaluated is not None and not late
    return RuleStatus(
        rule=name,
        armed=armed,
        mode=(Mode.SHADOW if plan.shadowed(name) else Mode.ENFORCE).value,
        limit=state.limit if state is not None else "",
        used=state.used if state is not None else "",
        unknown=state.unknown if state is not None else None,
        evaluated=None if evaluated is None else instant_text(evaluated),
        remaining=state.left if state is not None else "",
        enabled=name in plan.rules,
        loaded=loaded,
        subscribed=subscribed,
        enforcing=armed and not plan.shadowed(name) and f"{path}/enforcer" in runtime.addresses,
    )


def hears(account: AccountState, name: RuleName) -> bool:
    """Tell whether an account tells a rule of what changes."""
    gone = account.gone | account.leaving
    return bool(RULES[name].hears) and name in account.rules and f"{RULE_PREFIX}{name}" not in gone

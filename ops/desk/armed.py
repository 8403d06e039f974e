"""Whether a rule protects, in every sense that there is, read off the actors' last states.

A rule can be configured and yet be of no use: it is not in force, its actor is gone, nobody tells
it anything, it has not judged, or nobody acts on what it says.  Each of these is looked at by
itself.
"""

import logging
from typing import NamedTuple

from actors.account_reads import late_rules
from actors.model.account_state import State as AccountState
from actors.model.confirm import UNCONFIRMED
from actors.model.demands import met
from actors.model.enforcement_state import State as EnforcerState
from actors.plan import AccountPlan
from actors.rule import State as RuleState
from actors.rules import RULES
from actors.rules.rule import Hears, Mode
from actors.runtime import Runtime
from actors.tree import RULE_PREFIX
from protocol.book import BookView
from protocol.control import RuleStatus
from protocol.enforcement import Verdict
from protocol.units import Now, RuleName
from protocol.words import instant_text

log = logging.getLogger(__name__)
STAGES = ("enabled", "loaded", "subscribed", "evaluated", "enforcing")
"""What a rule must be to protect, in the order in which it gets there."""


class Figures(NamedTuple):
    """What of a rule is told in figures."""

    limit: str
    used: str
    left: str
    unknown: str | None


def rule(
    runtime: Runtime,
    plan: AccountPlan,
    path: str,
    name: RuleName,
    now: Now,
    *,
    view: BookView | None = None,
) -> RuleStatus:
    """Return how a rule of the account at this path stands; `view` has the newest prices."""
    account: AccountState | None = runtime.states.get(path)
    state: RuleState | None = runtime.states.get(f"{path}/{RULE_PREFIX}{name}")
    loaded = state is not None
    subscribed = account is not None and hears(account, name)
    evaluated = state.evaluated if state is not None else None
    late = account is None or name in late_rules(account, now)
    told = figures(plan, name, state, view, now)
    armed = loaded and subscribed and evaluated is not None and not late
    shadowed = plan.shadowed(name)
    enforcing = armed and not shadowed and acts(runtime, account, path, name)
    stages = (name in plan.rules, loaded, subscribed, armed, enforcing or shadowed)
    return RuleStatus(
        rule=name,
        armed=armed,
        mode=(Mode.SHADOW if shadowed else Mode.ENFORCE).value,
        limit=told.limit,
        used=told.used,
        unknown=told.unknown,
        evaluated=None if evaluated is None else instant_text(evaluated),
        remaining=told.left,
        enabled=name in plan.rules,
        loaded=loaded,
        subscribed=subscribed,
        enforcing=enforcing,
        lacks=next((one for one, so in zip(STAGES, stages, strict=True) if not so), ""),
    )


def acts(runtime: Runtime, account: AccountState | None, path: str, name: RuleName) -> bool:
    """Tell whether what a rule has found is so already, or is being brought about.

    Between two inputs it always is one of the two: a breach is demanded in the turn that finds it,
    and the enforcer holds the demand until it is proven.
    """
    enforcer: EnforcerState | None = runtime.states.get(f"{path}/enforcer")
    if enforcer is None or account is None:
        return False
    verdict = account.verdicts.get(name)
    found = verdict.breaches if isinstance(verdict, Verdict) else ()
    if all(met(one.goals, account.view) for one in found if one.goals):
        return True
    return any(one.rule == name and not one.withdrawn for one in enforcer.kept.demands)


def figures(
    plan: AccountPlan, name: RuleName, state: RuleState | None, view: BookView | None, now: Now
) -> Figures:
    """Return a rule's figures: as it judged, or as it would at these prices if they matter to it.

    Nothing but the figures is taken from what it would say; what it does hangs on its own actor.
    """
    if state is None:
        return Figures("", "", "", None)
    judged = Figures(state.limit, state.used, state.left, state.unknown)
    if state.evaluated is None or view is None or Hears.PRICES not in RULES[name].hears:
        return judged
    if state.unknown == UNCONFIRMED:
        return judged  # the rule waits for a second price, and that is what there is to say
    try:
        would = RULES[name].decide(plan.rules[name], state.rule, view, now)
    except Exception:
        log.exception("the figures of %s cannot be told at the newest prices", name)
        return judged
    return Figures(would.limit, would.used, would.left, would.unknown)


def hears(account: AccountState, name: RuleName) -> bool:
    """Tell whether an account tells a rule of what changes."""
    gone = account.gone | account.leaving
    return bool(RULES[name].hears) and name in account.rules and f"{RULE_PREFIX}{name}" not in gone

"""The alarm over rules that are enabled and do not protect: which stage is missing, and since when.

The actors raise alarms of their own when one of them dies, or a rule does not judge.  This looks
at every rule from outside, several times a second, so that it also sees what no actor knows of
itself.  It raises and clears one alarm for each account, by whatever means a rule was lost.
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from ops.desk.armed import STAGES
from ops.desk.status import Alarms
from protocol.control import ARMED, AccountStatus, RuleStatus
from protocol.decisions import AlarmCleared, AlarmKind, AlarmRaised, Decision
from protocol.units import SECOND, AccountId, Nanos, Now, RuleName
from protocol.words import instant_text

STANDS = 2 * SECOND
"""How long a stage must be missing before that is an alarm; a rule's new start is over at once."""
KIND = AlarmKind.RULE_NOT_ARMED
WHAT: dict[str, str] = {
    "enabled": "it is configured, and not in force",
    "loaded": "its actor is gone",
    "subscribed": "its account tells it nothing",
    "evaluated": "it has not judged, or too long ago",
    "enforcing": "nobody acts on what it has found",
}

type Configured = Mapping[AccountId, Iterable[RuleName]]


class Protecting:
    """Since when each rule has lacked what."""

    def __init__(self) -> None:
        self._lacks: dict[tuple[int, str], tuple[str, Now]] = {}

    def look(
        self, accounts: list[AccountStatus], configured: Configured, alarms: Alarms, now: Now
    ) -> tuple[list[AccountStatus], list[Decision]]:
        """Return the accounts with what their rules lack, and the alarms to raise and to clear."""
        looked: list[AccountStatus] = []
        said: list[Decision] = []
        for one in accounts:
            if one.id is None:
                looked.append(one)
                continue
            account_id = AccountId(one.id)
            enabled = configured.get(account_id, ())
            known = {rule.rule for rule in one.rules}
            rules = [*one.rules, *(unknown(name) for name in enabled if name not in known)]
            rules = [self._dated(one.id, rule, now) for rule in rules]
            looked.append(replace(one, rules=rules))
            said += self._alarm(account_id, one.state, rules, alarms.get((account_id, KIND)), now)
        return looked, said

    def _dated(self, account_id: int, rule: RuleStatus, now: Now) -> RuleStatus:
        key = (account_id, rule.rule)
        if not rule.lacks:
            self._lacks.pop(key, None)
            return rule
        lacks, since = self._lacks.get(key, ("", now))
        if lacks != rule.lacks:
            since = now
        self._lacks[key] = rule.lacks, since
        return replace(rule, since=instant_text(since.wall))

    def _alarm(
        self,
        account_id: AccountId,
        state: str,
        rules: list[RuleStatus],
        raised: str | None,
        now: Now,
    ) -> list[Decision]:
        """Return what to say; an account on its way, or in last resort, says so by its state."""
        if state not in ARMED:
            return []
        lacking = [one for one in rules if one.lacks]
        stand = [one for one in lacking if self._stands(account_id, one, now)]
        why = "; ".join(map(missing, stand))
        if why and why != raised:
            return [AlarmRaised(account_id=account_id, kind=KIND, why=why)]
        if raised is not None and not lacking:
            return [AlarmCleared(account_id=account_id, kind=KIND)]
        return []

    def _stands(self, account_id: int, rule: RuleStatus, now: Now) -> bool:
        _, since = self._lacks[account_id, rule.rule]
        return Nanos(now.mono - since.mono) >= STANDS


def unknown(name: RuleName) -> RuleStatus:
    """Return the status of a rule that is configured, and that its account does not know."""
    return RuleStatus(
        rule=name,
        armed=False,
        mode="",
        limit="",
        used="",
        unknown=None,
        evaluated=None,
        enabled=False,
        lacks=STAGES[0],
    )


def missing(rule: RuleStatus) -> str:
    """Say what a rule lacks, and since when."""
    return f"{rule.rule} is not {rule.lacks} since {rule.since}: {WHAT[rule.lacks]}"

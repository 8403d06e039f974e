"""What only some runs have beside the weather.

Each twist draws from a stream of its own, made of the seed and the twist's name: a new one leaves
the stories of the seeds that it spares as they were.

| twist | what happens | what must hold |
|---|---|---|
| place_stop | RULE-008 places a stop instead of closing | I1: at rest no stop of ours is too much |
| reload | other settings are asked for, twice or more, by those who live and those who crash | what is in force is what was tightened since the last reset, and at the reset what was asked for |
| skew | the machine's clock is ahead of the Gateway's or behind it, and is set | I5, I6 by both |
| feed | another policy; the market falls silent, and one print is wrong | I7: blind is said; one print closes no account |
| last_resort | an account whose tree will not stand | it is held flat, and the others stand |
| gone | a rule that will not stand, and a lockout that dies as it hears so | the account is locked until its reset, and stands itself |
| behind | actors fail just as other messages wait for them | I4: nothing that was wished of them is lost |
| nap | the machine sleeps through a reset, and must hear first how late it is | I6: what a day did is not answered on the day after |
| mute | the user hub is open, and for a while says nothing | all that holds at rest, by the polls |
| hours | RULE-009 with many windows, also of products, that begin and end within the run | 009: what may not be traded is locked soon, what may be is not, and until when is right |
| kinds | the traders' stops are stop-limits and trailing stops too | I1: one that moves by itself is left alone |
| spent | every other while our own budget puts off all that may give way | what is put off is done in the end, and nothing twice |
"""  # noqa: E501 - a table

from random import Random

from msgspec.structs import replace

from actors.model.feed import FeedPolicy, OnBlind
from actors.plan import AccountPlan
from actors.rules import no_stop_loss_grace
from actors.rules.no_stop_loss_grace import OnExpiry
from actors.tree import RULE_PREFIX
from ops.desk.clocks import TOLERANCE
from protocol.commands import Claim
from protocol.market_facts import MarkSource
from protocol.units import SECOND, Nanos

HOUR = 3_600 * SECOND
SHARES = {
    "place_stop": 0.5,
    "reload": 0.35,
    "skew": 0.35,
    "feed": 0.5,
    "last_resort": 0.12,
    "gone": 0.2,
    "behind": 0.35,
    "spent": 0.35,
    "nap": 0.5,
    "mute": 0.35,
    "hours": 0.35,
    "kinds": 0.35,
}
"""Of the runs that have any, how many have this one."""
PARTS = {
    "place_stop": {"place_stop"},
    "reload": {"reload"},
    "skew": {"ahead"},
    "feed": {"blind", "misprint"},
    "last_resort": {"last_resort"},
    "gone": {"gone"},
    "behind": {"behind"},
    "spent": {"spent"},
    "nap": {"nap"},
    "mute": {"mute"},
    "hours": {"hours"},
    "kinds": {"kinds"},
}
"""What is played of each twist, so that somebody may see whether it is."""
PLAIN = 0.3
"""The share of runs that have none."""


class Twists:
    """The twists of one run."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        plain = self.dice("plain").random() < PLAIN
        self.names = frozenset(
            name
            for name, share in SHARES.items()
            if not plain and self.dice(f"{name}?").random() < share
        )

    def __contains__(self, name: str) -> bool:
        assert name in SHARES, name
        return name in self.names

    def dice(self, name: str) -> Random:
        """Return a stream of chance that nobody else draws from."""
        return Random(f"{self._seed} {name}")

    def plans(self, plans: tuple[AccountPlan, ...]) -> tuple[AccountPlan, ...]:
        """Return the accounts of a run, with what the twists change of them."""
        stops, feed = self.dice("place_stop"), self.dice("feed")
        if "place_stop" in self:
            plans = tuple(placing(one, stops) for one in plans)
        if "feed" in self:
            marks = (MarkSource.LAST, MarkSource.LAST, *MarkSource)
            plans = tuple(replace(one, feed=policy(feed), mark=feed.choice(marks)) for one in plans)
        return plans

    def shift(self) -> int:
        """Return by how much the machine's clock is wrong at first."""
        if "skew" not in self:
            return 0
        dice = self.dice("skew")
        return dice.choice((-1, 1, 1)) * dice.choice((8 * SECOND, 40 * SECOND, HOUR, 7 * HOUR))

    def nap(self, reset: int) -> tuple[int, int]:
        """Return in how long the machine falls asleep, before a reset, and wakes up after it.

        It is late by more than its clock may be ahead of the Gateway's.
        """
        dice = self.dice("nap")
        return dice.randrange(reset), reset + TOLERANCE + dice.randrange(1, 10 * SECOND)

    def gives_way(self, claim: Claim, mono: Nanos) -> bool:
        """Tell whether the minute is spent for what claims no more than this."""
        if "spent" not in self or claim is Claim.AT_ONCE:
            return False
        span = self.dice("spent").choice((2 * SECOND, 6 * SECOND, 11 * SECOND))
        return mono // span % 2 == 1

    def doomed(self, plans: tuple[AccountPlan, ...]) -> list[str]:
        """Return the actors that will not stand."""
        found: list[str] = []
        if "last_resort" in self:
            dice = self.dice("last_resort")
            path = f"account/{dice.choice(plans).account_id}"
            servants = (path, f"{path}/enforcer", f"{path}/lockout", f"{path}/timer")
            found.append(dice.choice(servants))
        if "gone" in self:
            dice = self.dice("gone")
            plan = dice.choice(plans)
            found.append(f"account/{plan.account_id}/{RULE_PREFIX}{dice.choice(list(plan.rules))}")
        return found


def placing(plan: AccountPlan, dice: Random) -> AccountPlan:
    """Have RULE-008 place a stop instead of closing."""
    name, ticks = no_stop_loss_grace.NAME, dice.choice((4, 12, 60))
    rule = plan.rules.get(name)
    if not isinstance(rule, no_stop_loss_grace.Params):
        return plan
    placed = replace(rule, on_expiry=OnExpiry.PLACE_STOP, stop_ticks=ticks)
    return replace(plan, rules={**plan.rules, name: placed})


def policy(dice: Random) -> FeedPolicy:
    """Return another feed policy: as impatient as one may be, or not."""
    return FeedPolicy(
        on_blind=dice.choice(tuple(OnBlind)),
        quote_age=dice.choice(("10s", "10s", "10s", "60s")),
        truth_age=dice.choice(("30s", "90s")),
        confirm=dice.choice(("0s", "250ms", "2s", "5s")),
    )


def another(plan: AccountPlan, drawn: AccountPlan, dice: Random) -> AccountPlan:
    """Return the settings that a reload asks for: some of the rules stay, the rest are new."""
    names = [name for name in plan.rules if name not in drawn.rules or dice.random() < 1 / 2]
    rules = {**drawn.rules, **{name: plan.rules[name] for name in names if dice.random() < 2 / 3}}
    return replace(plan, rules=rules or drawn.rules)

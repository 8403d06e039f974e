"""Whether a price is enough to close a whole account on.

What cannot be taken back, for all of an account, wants more than one price: a single print may be
wrong.  A crossing is believed at once when bid, ask and last trade all cross (the rule says so),
when the prices behind it have stood for the time to confirm, or when each contract whose price is
younger than that has had another one and the bound is still, or again, crossed.  When the time is
over and the crossing stands, it counts; one that was contradicted meanwhile does not.

Only breaches that their rule calls doubtful are weighed: what concerns one position acts at once.
"""

import msgspec
from msgspec.structs import replace

from actors.model.headroom import triggers
from actors.rules.rule import Judgement, RuleState, Wake
from protocol.book import BookView
from protocol.schedule import Clock
from protocol.units import ContractId, Nanos, Now

UNCONFIRMED = "it is at its limit by one price, and a second one is awaited"


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """A crossing that waits to be borne out."""

    since: Nanos
    prints: dict[ContractId, int]
    """By contract whose price was young: how many it had had."""
    stands: bool = True
    """Whether the newest judgement still was a crossing."""


type Weighed = tuple[Judgement[RuleState], Doubt | None]


def weigh(
    doubt: Doubt | None,
    judged: Judgement[RuleState],
    view: BookView,
    now: Now,
    *,
    acted: bool,
) -> Weighed:
    """Return the judgement without what is in doubt; `acted` if one before it was not."""
    if doubt is None and not judged.breaches:
        return judged, None
    if not any(one.doubtful for one in judged.breaches):
        fading = doubt is not None and now.mono - doubt.since < view.confirm
        return judged, replace(doubt, stands=False) if doubt is not None and fading else None
    young = {
        one.contract_id: one.prints
        for one in view.holdings
        if one.priced is not None and now.mono - one.priced < view.confirm
    }
    if acted or not young:
        return judged, None
    if doubt is not None:
        over = now.mono - doubt.since >= view.confirm
        if (over and doubt.stands) or (not over and borne_out(doubt, view)):
            return judged, None
        doubt = None if over else replace(doubt, stands=True)
    if doubt is None:
        doubt = Doubt(since=now.mono, prints=young)
    return awaiting(doubt, judged, view), doubt


def borne_out(doubt: Doubt, view: BookView) -> bool:
    """Tell whether every contract in doubt has had another price; one no longer held is none."""
    for contract_id, prints in doubt.prints.items():
        held = view.holding(contract_id)
        if held is not None and held.prints <= prints:
            return False
    return True


def awaiting(doubt: Doubt, judged: Judgement[RuleState], view: BookView) -> Judgement[RuleState]:
    """Return a judgement that asks to be made again at the next price, or when the time is over."""
    sure = tuple(one for one in judged.breaches if not one.doubtful)
    return replace(
        judged,
        breaches=sure,
        triggers=(*judged.triggers, *triggers(view.holdings, None)),
        unknown=UNCONFIRMED,
        wake=Wake(Clock.MONO, Nanos(doubt.since + view.confirm)),
    )

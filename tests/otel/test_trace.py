"""One trace from the hub's frame to the flat certificate, as a backend sees it."""

import pytest

from actors.plan import settings_of
from ops.sim.rest_faults import RestFault
from protocol.decisions import DayReset
from protocol.message import Message
from protocol.settings import Reconfigure, RefuseSettings
from tests.e2e.stand import FIRST, MNQ, OTHER, PARTIAL, contracts, plan, unrealized
from tests.otel.conftest import Traced
from tests.otel.sink import Seen, Sink

CLOSE, PROOF = "request CloseContract", "EnforcementConfirmed"


def only(found: list[Seen]) -> Seen:
    assert len(found) == 1, found
    return found[0]


def whole(sink: Sink, of: Seen) -> None:
    """Check that a trace has one root, and no span whose parent is missing."""
    spans = sink.trace(of)
    known = {one.span for one in spans}
    assert len(known) == len(spans)
    assert [one.name for one in spans if one.parent not in known] == [spans[0].name]
    assert not spans[0].parent


async def test_a_breach_is_one_trace_from_the_frame_to_the_certificate(
    traced: Traced, sink: Sink
) -> None:
    stand = await traced(plan(contracts(2)))
    await stand.enter("buy", 3)
    await stand.proven()

    await sink.until(lambda: sink.named("enforcement max_contracts"), "the end of the enforcement")
    await sink.until(lambda: sink.telling(PROOF), "the certificate")
    breach, proof = only(sink.telling("EnforcementRequested")), only(sink.telling(PROOF))
    assert proof.trace == breach.trace
    whole(sink, breach)
    assert sink.above(breach) == ["turn", "input PositionSeen"]
    enforcement = only(sink.named("enforcement max_contracts"))
    assert sink.above(enforcement)[1:] == sink.above(breach)
    close = only(sink.named("request PartialClose"))
    assert close.parent == breach.span
    assert close.attributes["outcome"] == "accepted"
    assert close.attributes["contract"] == MNQ
    answer = only(sink.named("input Answered"))
    assert answer.parent == close.span
    assert answer.attributes["command"] == close.attributes["command"]
    assert sink.above(proof)[:3] == ["turn", "input TruthRead", "request ReadTruth"]
    assert sink.above(proof)[-1] == "input PositionSeen"
    children = {one.name for one in sink.spans if one.parent == breach.span}
    assert {"commit", "request PartialClose", "enforcement max_contracts"} <= children
    assert all(one == "commit" or one.split()[0] in {"request", "enforcement"} for one in children)


async def test_what_arrives_went_through_the_collector(traced: Traced, sink: Sink) -> None:
    await traced(plan(contracts(2)))

    await sink.until(lambda: sink.telling("AccountArmed"), "the account to be armed")
    assert len(sink.agents) == 1
    assert "rotel" in sink.agents.pop().lower()
    assert {one.service for one in sink.spans} == {"riskwarden"}


async def test_a_span_tells_ids_figures_and_times_in_order(traced: Traced, sink: Sink) -> None:
    stand = await traced(plan(contracts(2)))
    await stand.enter("buy", 3)
    await stand.proven()

    await sink.until(lambda: sink.telling(PROOF), "the certificate")
    breach, proof = only(sink.telling("EnforcementRequested")), only(sink.telling(PROOF))
    told = {event.name: event.attributes for event in (*breach.events, *proof.events)}
    verdict, name = told["VerdictChanged"], told["EnforcementRequested"]["enforcement"]
    assert (verdict["rule"], verdict["account"]) == ("max_contracts", FIRST)
    assert (verdict["used"], verdict["limit"]) == ("3 net", "2")
    assert name == f"{FIRST}/max_contracts/1" == told[PROOF]["enforcement"]
    root = next(one for one in sink.trace(breach) if not one.parent)
    decode = only([one for one in sink.named("decode") if one.parent == root.span])
    commit = only([one for one in sink.named("commit") if one.parent == breach.span])
    close = only(sink.named("request PartialClose"))
    assert root.start <= decode.start <= decode.end <= breach.start <= breach.end
    assert breach.end <= commit.start <= commit.end
    assert breach.end <= close.start <= close.end
    assert abs(root.start - stand.clock().wall) < 60e9


async def test_a_price_that_breaches_is_the_root(traced: Traced, sink: Sink) -> None:
    stand = await traced(plan(unrealized(-100)))
    await stand.enter("buy", 1, at=21_000)
    await stand.price(MNQ, 20_900)
    await stand.proven()

    await sink.until(lambda: sink.telling(PROOF), "the certificate")
    proof = only(sink.telling(PROOF))
    whole(sink, proof)
    assert sink.above(proof)[-1] == "input QuoteSeen"
    assert only(sink.named(CLOSE)).trace == proof.trace


async def test_a_price_that_moves_two_accounts_is_linked_from_both(
    traced: Traced, sink: Sink
) -> None:
    stand = await traced(plan(unrealized(-100)), plan(unrealized(-100), account=OTHER))
    for account in (FIRST, OTHER):
        await stand.enter("buy", 1, at=21_000, account=account)
    await stand.price(MNQ, 20_900)
    for account in (FIRST, OTHER):
        await stand.proven(account=account)

    await sink.until(lambda: len(sink.telling(PROOF)) == 2, "both certificates")
    breaches = sink.telling("EnforcementRequested")
    linked = {link for one in breaches for link in one.links}
    quote = only([one for one in sink.named("input QuoteSeen") if (one.trace, one.span) in linked])
    assert {one.attributes["account"] for one in breaches} == {FIRST, OTHER}
    assert [(one.parent, one.links) for one in breaches] == [("", [(quote.trace, quote.span)])] * 2
    assert {one.trace for one in breaches} == {one.trace for one in sink.telling(PROOF)}
    assert len({quote.trace, *(one.trace for one in breaches)}) == 3
    assert [one.name for one in sink.trace(quote)] == ["input QuoteSeen", "decode"]


async def test_prices_that_cause_nothing_leave_no_trace(traced: Traced, sink: Sink) -> None:
    stand = await traced(plan(unrealized(-100)))
    await stand.enter("buy", 1, at=21_000)
    inputs = stand.desk.inputs
    for step in range(100):
        await stand.price(MNQ, 21_000 + step % 5)
    await stand.until(lambda: stand.desk.inputs >= inputs + 100, "the quotes")
    await stand.price(MNQ, 20_900)
    await stand.proven()

    await sink.until(lambda: sink.telling(PROOF), "the certificate")
    quotes = sink.named("input QuoteSeen")
    assert 1 <= len(quotes) <= 2  # the breach, and maybe the price that made the verdict known
    assert all(any(one.events for one in sink.trace(quote)) for quote in quotes)


async def test_a_refusal_is_an_error_with_its_reason(traced: Traced, sink: Sink) -> None:
    stand = await traced(plan(contracts(2)))
    stand.sim.faults.rest(RestFault(kind="reject", endpoint=PARTIAL, message="not today"))
    await stand.enter("buy", 3)
    await stand.proven()

    await sink.until(lambda: sink.telling(PROOF), "the certificate")
    refused = next(one for one in sink.named("request PartialClose") if one.failed)
    assert refused.attributes["outcome"] == "refused"
    assert "not today" in str(refused.attributes["reason"])
    assert only(sink.telling("EnforcementFailing")).trace == refused.trace


async def test_no_name_and_no_secret_leaves(traced: Traced, sink: Sink) -> None:
    stand = await traced(plan(contracts(2)))
    await stand.enter("buy", 3)
    await stand.proven()

    await sink.until(lambda: sink.telling(PROOF), "the certificate")
    told = repr(sink.spans)
    scenario = stand.sim.world.scenario
    names = [one.name for one in scenario.accounts]
    assert [text for text in (scenario.user, scenario.api_key, *names) if text in told] == []


async def test_a_reset_and_a_poll_are_recorded_though_nothing_is_wrong(
    traced: Traced, sink: Sink
) -> None:
    stand = await traced(plan(contracts(2)))
    stand.clock.skip(9 * 3_600)  # past the end of the trading day, 23:00 UTC
    await stand.until(lambda: stand.decided(DayReset), "the reset")

    await sink.until(lambda: sink.telling("DayReset"), "the reset's trace")
    await sink.until(lambda: sink.named("request ReadAccounts"), "the poll's trace")
    whole(sink, only(sink.telling("DayReset")))
    whole(sink, sink.named("request ReadAccounts")[0])


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        pytest.param(Reconfigure(account_id=FIRST, wanted=settings_of(plan(contracts(1)))),
                     "ConfigurationTaken", id="stricter: at once"),
        pytest.param(Reconfigure(account_id=FIRST, wanted=settings_of(plan(contracts(9)))),
                     "ConfigurationTaken", id="looser: at the reset"),
        pytest.param(Reconfigure(account_id=FIRST, wanted=settings_of(plan(contracts(2)))),
                     "ConfigurationTaken", id="the same"),
        pytest.param(RefuseSettings(account_id=FIRST, problems=("limt: no such key",)),
                     "ConfigurationRefused", id="refused"),
    ],
)  # fmt: skip
async def test_a_reload_is_always_recorded(
    traced: Traced, sink: Sink, wanted: Message, told: str
) -> None:
    stand = await traced(plan(contracts(2)))
    stand.desk.notice(wanted)

    await sink.until(lambda: sink.telling(told), "the reload")
    turn = only(sink.telling(told))
    whole(sink, turn)
    assert sink.above(turn) == ["turn", f"input {type(wanted).__name__}"]
    assert turn.attributes["account"] == FIRST
    commits = [one for one in sink.named("commit") if one.parent == turn.span]
    assert [one.failed for one in commits] == [False], "it is on the disk, and that is told too"


async def test_a_reload_that_tightens_is_the_root_of_what_it_undoes(
    traced: Traced, sink: Sink
) -> None:
    stand = await traced(plan(contracts(3)))
    await stand.enter("buy", 3)
    stand.desk.notice(Reconfigure(account_id=FIRST, wanted=settings_of(plan(contracts(1)))))
    await stand.proven()

    await sink.until(lambda: sink.telling(PROOF), "the certificate")
    proof = only(sink.telling(PROOF))
    whole(sink, proof)
    assert sink.above(proof)[-1] == "input Reconfigure"
    assert only(sink.named("request PartialClose")).trace == proof.trace

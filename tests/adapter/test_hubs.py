"""The hubs: what they deliver, and every way in which they are lost and come back."""

import asyncio
import gc
from typing import Any

import msgspec
import pytest

from actors.adapters import decode
from actors.adapters.projectx_hubs import Timings
from actors.adapters.projectx_pair import LostError
from ops.sim.server import SimServer
from protocol.account_facts import PositionSeen
from protocol.answers import HubsLost, HubsOpened, Outcome, Refused, TruthRead
from protocol.commands import Login, OpenHubs, WatchContract
from protocol.market_facts import QuoteSeen

from .conftest import FIRST, MES, MNQ, PATIENCE, QUICK, SECOND, Desk, desk_of

USER_METHODS = {
    "GatewayUserAccount *",
    *(
        f"GatewayUser{kind} {account}"
        for kind in ("Order", "Position", "Trade")
        for account in (FIRST, SECOND)
    ),
}


def subscribed(sim: SimServer, hub: Any) -> list[set[str]]:
    return [
        {f"{target} {key}" for target, key in peer.subscribed}
        for peer in sim.world.hubs[hub].peers
        if peer.ready
    ]


async def proves_alive(sim: SimServer, desk: Desk) -> None:
    """Both accounts' events and a quote arrive, once each."""
    desk.events.clear()
    await sim.order(FIRST, "MNQ", "buy", 1)
    await sim.order(SECOND, "MES", "sell", 1)
    await desk.hears(PositionSeen, FIRST)
    await desk.hears(PositionSeen, SECOND)
    await sim.close(FIRST, "MNQ")
    await sim.close(SECOND, "MES")
    await sim.price("MNQ", 21_001)
    await desk.until(lambda: any(event == "quote_update" for event, _ in desk.events))
    assert sum(event == "trade_execution" for event, _ in desk.events) == 4


async def watching(desk: Desk) -> None:
    await desk.connect()
    watch = WatchContract(account_id=FIRST, contract_id=MNQ)
    assert await desk.broker.perform(watch) is None


async def test_one_pair_of_hubs_serves_both_accounts(sim: SimServer, desk: Desk) -> None:
    await watching(desk)

    assert subscribed(sim, "user") == [USER_METHODS]
    assert subscribed(sim, "market") == [{f"GatewayQuote {MNQ}"}]
    await proves_alive(sim, desk)
    assert desk.notices == [], "the answer was the news"


async def test_events_come_in_the_order_of_the_wire(sim: SimServer, desk: Desk) -> None:
    await watching(desk)
    for step in range(200):
        await sim.price("MNQ", 21_000 + step)
    await desk.until(lambda: len(desk.events) == 200)

    quotes = [decode.hub(event, payload) for event, payload in desk.events]
    prices = [quote.last for quote in quotes if isinstance(quote, QuoteSeen)]
    assert prices == [(21_000 + step) * 10**9 for step in range(200)], "none is swallowed"


async def test_each_shape_of_a_user_event_is_delivered(sim: SimServer, desk: Desk) -> None:
    await watching(desk)
    sim.faults.set(wrapped=False, string_ids=True)

    await sim.order(FIRST, "MNQ", "buy", 1)

    seen = await desk.hears(PositionSeen, FIRST)
    assert isinstance(seen, PositionSeen)
    assert seen.size == 1


async def test_watching_twice_is_no_error(sim: SimServer, desk: Desk) -> None:
    await watching(desk)
    await watching(desk)

    assert subscribed(sim, "market") == [{f"GatewayQuote {MNQ}"}]


async def test_there_is_an_end_to_what_can_be_watched(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.adapters.projectx_hubs.CONTRACTS_MAX", 1)
    await watching(desk)

    answer = await desk.broker.perform(WatchContract(account_id=FIRST, contract_id=MES))

    assert isinstance(answer, Refused)
    assert answer.account_id == FIRST


async def test_a_contract_asked_for_while_the_hubs_are_down_is_watched_when_they_are_back(
    sim: SimServer, desk: Desk
) -> None:
    await watching(desk)
    sim.faults.set(refuse_hubs=["user", "market"])
    sim.faults.drop()
    await desk.until(lambda: desk.losses() != [])

    watch = WatchContract(account_id=FIRST, contract_id=MES)
    assert await desk.broker.perform(watch) is None
    sim.faults.clear()
    await desk.back()

    assert subscribed(sim, "market") == [{f"GatewayQuote {MNQ}", f"GatewayQuote {MES}"}]


async def test_another_account_joins_the_same_hubs(sim: SimServer, desk: Desk) -> None:
    await desk.log_in()
    assert await desk.broker.perform(OpenHubs(accounts=(FIRST,))) == HubsOpened()
    assert await desk.broker.perform(OpenHubs(accounts=(FIRST, SECOND))) == HubsOpened()

    assert subscribed(sim, "user") == [USER_METHODS]
    assert sim.world.hubs["user"].connections == 1


async def test_an_account_that_cannot_join_waits_for_hubs_where_it_can(sim: SimServer) -> None:
    timings = msgspec.structs.replace(QUICK, ping_every=60.0, open=0.3)
    async with desk_of(sim, timings=timings) as desk:
        await desk.log_in()
        assert await desk.broker.perform(OpenHubs(accounts=(FIRST,))) == HubsOpened()
        sim.faults.set(half_open_hubs=["user"])
        joining = asyncio.create_task(desk.broker.perform(OpenHubs(accounts=(FIRST, SECOND))))
        await desk.until(lambda: desk.losses() != [])
        sim.faults.clear()

        answer = await joining

        assert isinstance(answer, HubsOpened | HubsLost)
        await desk.until(lambda: subscribed(sim, "user") == [USER_METHODS])


@pytest.mark.parametrize("hub", ["user", "market", "both"])
@pytest.mark.parametrize("manner", ["reset", "close", "close_with_error"])
async def test_a_dropped_hub_is_lost_once_and_back_with_everything(
    sim: SimServer, desk: Desk, hub: Any, manner: Any
) -> None:
    await watching(desk)

    sim.faults.drop(hub, manner)
    await desk.back()

    assert [type(one) for one in desk.notices] == [HubsLost, HubsOpened]
    assert subscribed(sim, "user") == [USER_METHODS]
    assert subscribed(sim, "market") == [{f"GatewayQuote {MNQ}"}]
    await proves_alive(sim, desk)


@pytest.mark.parametrize("manner", ["reset", "close_with_error"])
async def test_fourteen_drops_in_a_row_are_survived(
    sim: SimServer, desk: Desk, manner: Any
) -> None:
    await watching(desk)

    async with asyncio.timeout(PATIENCE):
        for drop in range(14):
            sim.faults.drop("both", manner)
            await desk.back(drop + 1)

    assert [type(one) for one in desk.notices] == [HubsLost, HubsOpened] * 14
    await proves_alive(sim, desk)


async def test_a_gateway_that_refuses_for_a_while_is_asked_until_it_does_not(
    sim: SimServer, desk: Desk
) -> None:
    await watching(desk)
    before = sim.world.hubs["user"].negotiations
    sim.faults.set(refuse_hubs=["user", "market"], seconds=1.0)

    sim.faults.drop()
    await desk.back()

    assert [type(one) for one in desk.notices] == [HubsLost, HubsOpened]
    assert sim.world.hubs["user"].negotiations == before + 1
    await proves_alive(sim, desk)


async def test_rest_goes_on_while_the_hubs_are_down(sim: SimServer, desk: Desk) -> None:
    await watching(desk)
    await sim.order(FIRST, "MNQ", "buy", 1)
    sim.faults.set(refuse_hubs=["user", "market"])
    sim.faults.drop()
    await desk.until(lambda: desk.losses() != [])

    assert isinstance(await desk.truth(), TruthRead)
    assert (await desk.close()).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("hub", ["user", "market"])
async def test_a_half_open_hub_is_found_by_asking_it(sim: SimServer, desk: Desk, hub: Any) -> None:
    await watching(desk)

    sim.faults.set(half_open_hubs=[hub])
    await desk.until(lambda: desk.losses() != [])
    sim.faults.clear()
    await desk.back()

    assert "silent" in desk.losses()[0]
    await proves_alive(sim, desk)


async def test_a_frozen_gateway_is_noticed_and_survived(sim: SimServer, desk: Desk) -> None:
    await watching(desk)

    sim.faults.set(frozen=True)
    await desk.until(lambda: desk.losses() != [])
    with desk.struck("nothing", {"kind": "hang"}):
        assert (await desk.close()).outcome is Outcome.UNCERTAIN
    sim.faults.clear()
    await desk.back()

    await proves_alive(sim, desk)


async def test_a_quiet_market_is_no_reason_to_reconnect(sim: SimServer, desk: Desk) -> None:
    await watching(desk)

    await asyncio.sleep(1.0)  # ten rounds of pings, and not one event

    assert desk.notices == []
    assert sim.world.hubs["market"].connections == 1
    assert desk.events == []


async def test_a_revoked_token_is_replaced_when_the_hubs_drop(sim: SimServer, desk: Desk) -> None:
    await watching(desk)

    sim.faults.revoke_tokens()
    sim.faults.drop()
    await desk.back()

    assert len(sim.calls.of("Auth/loginKey")) == 2
    await proves_alive(sim, desk)


async def test_a_logout_is_answered_by_a_login_and_new_hubs(sim: SimServer, desk: Desk) -> None:
    await watching(desk)

    sim.faults.log_out("user")
    await desk.back()

    assert "logged this session out" in desk.losses()[0]
    assert len(sim.calls.of("Auth/loginKey")) == 2
    await proves_alive(sim, desk)


async def test_a_fight_for_the_session_is_not_fought(sim: SimServer) -> None:
    timings = msgspec.structs.replace(QUICK, logout_pause=30.0)
    async with desk_of(sim, timings=timings) as desk:
        await watching(desk)
        for kick in range(3):
            sim.faults.log_out("user")
            await desk.back(kick + 1)
        sim.faults.log_out("user")
        await desk.until(lambda: len(desk.losses()) == 4)
        await asyncio.sleep(0.5)

        assert len(sim.calls.of("Auth/loginKey")) == 4
        assert isinstance(desk.notices[-1], HubsLost)


async def test_a_token_is_renewed_in_time_and_the_hubs_with_it(sim: SimServer) -> None:
    sim.faults.set(token_ttl_s=4)
    async with desk_of(sim) as desk:
        await watching(desk)
        await desk.back()

        assert desk.losses() == ["the token is renewed"]
        assert isinstance(await desk.truth(), TruthRead)
        assert {call.status for call in sim.calls.log} == {200}, "before anyone refused the old"


async def test_hubs_that_do_not_open_are_lost_until_they_do(sim: SimServer, desk: Desk) -> None:
    sim.faults.set(refuse_hubs=["market"])
    await desk.log_in()

    answer = await desk.broker.perform(OpenHubs(accounts=(FIRST, SECOND)))
    assert isinstance(answer, HubsLost)
    assert desk.notices == [], "the answer was the news"
    sim.faults.clear()
    await desk.back()

    assert desk.notices == [HubsOpened()]
    assert subscribed(sim, "user") == [USER_METHODS]


async def test_asking_again_while_the_hubs_are_down_waits_for_the_next_attempt(
    sim: SimServer, desk: Desk
) -> None:
    await desk.log_in()
    sim.faults.set(refuse_hubs=["user"])
    asked = OpenHubs(accounts=(FIRST,))
    assert isinstance(await desk.broker.perform(asked), HubsLost)
    sim.faults.clear()

    both = await asyncio.gather(*(desk.broker.perform(asked) for _ in range(2)))

    assert both == [HubsOpened(), HubsOpened()]
    assert desk.notices == []


async def test_an_intake_that_will_not_take_an_event_starts_afresh(sim: SimServer) -> None:
    async with desk_of(sim) as probe:
        full = [True]

        def take(event: str, payload: object) -> None:
            if full.pop() if full else False:
                raise asyncio.QueueFull
            probe.events.append((event, payload))

        async with desk_of(sim, on_event=take) as desk:
            await watching(desk)
            await sim.order(FIRST, "MNQ", "buy", 1)
            await desk.back()

            assert desk.losses() == ["the intake refused an event"]


async def test_closing_in_the_middle_of_anything_is_quick(sim: SimServer) -> None:
    sim.faults.set(frozen=True)
    timings = Timings(open=30.0)
    async with desk_of(sim, timings=timings, timeout_seconds=30.0) as desk:
        opening = asyncio.create_task(desk.broker.perform(OpenHubs(accounts=(FIRST,))))
        login = asyncio.create_task(desk.broker.perform(Login()))
        await asyncio.sleep(0.1)

        async with asyncio.timeout(1.0):
            await desk.broker.close()

        assert isinstance(await opening, HubsLost)
        await login


async def test_nothing_secret_is_ever_logged(
    sim: SimServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")  # the root: whoever has not been hushed will speak
    async with desk_of(sim, api_key="wrong-key-0123456789") as desk:
        await desk.log_in()
    async with desk_of(sim) as desk:
        await watching(desk)
        sim.faults.revoke_tokens()
        sim.faults.drop("both", "close_with_error")
        await desk.back()
        sim.faults.rest(endpoint="Position/searchOpen", kind="status", status=500)
        await desk.truth()
        secrets = [
            "wrong-key-0123456789",
            sim.world.scenario.api_key,
            *sim.world.tokens._expiry_ns,
        ]

    out, err = capfd.readouterr()
    ours = [one.getMessage() for one in caplog.records if not one.name.startswith("uvicorn")]
    said = "\n".join([*ours, out, err, *(repr(one) for one in desk.notices)])
    assert len(secrets) == 4
    assert [secret for secret in secrets if secret in said] == []
    assert "access_token" not in said


async def test_work_that_fails_as_it_is_given_up_is_no_news(desk: Desk) -> None:
    await desk.connect()
    pair = desk.broker._hubs._pair
    assert pair is not None

    async def fails() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise RuntimeError("the connection is closed")

    asking = asyncio.ensure_future(pair._unless_lost(fails(), 30))
    await asyncio.sleep(0)
    pair.fail("it went away")
    with pytest.raises(LostError, match="it went away"):
        await asking
    await asyncio.sleep(0)
    gc.collect()  # what nobody took is complained about now, and fails this test

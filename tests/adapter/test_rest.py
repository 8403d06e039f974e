"""Every command that goes by REST, and every way in which it can end."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from actors.model.budget import CLOSES, LAST, LIMIT, judgeable
from ops.sim import actions
from ops.sim.server import SimServer
from protocol.account_facts import OrderStatus
from protocol.answers import (
    RESERVED,
    AccountsFailed,
    AccountsRead,
    Answered,
    ContractsFailed,
    ContractsRead,
    InstrumentFailed,
    InstrumentRead,
    LoggedIn,
    LoginFailed,
    Outcome,
    TruthFailed,
    TruthRead,
)
from protocol.commands import (
    CancelOrder,
    Claim,
    Login,
    PartialClose,
    ReadAccounts,
    ReadInstrument,
    ReadTruth,
    SearchContracts,
)
from protocol.units import ContractId, Nanos, OrderId

from .conftest import FIRST, MES, MNQ, PATIENCE, SECOND, Desk, desk_of

CLOSE = "Position/closeContract"


async def test_a_login_lists_its_accounts(desk: Desk) -> None:
    answer = await desk.broker.perform(Login())

    assert isinstance(answer, LoggedIn)
    assert [account.account_id for account in answer.accounts] == [FIRST, SECOND]
    assert desk.broker.spent == 2


async def test_a_wrong_key_is_refused(sim: SimServer) -> None:
    async with desk_of(sim, api_key="wrong-key-0123456789") as desk:
        answer = await desk.broker.perform(Login())

    assert isinstance(answer, LoginFailed)
    assert answer.refused
    assert "wrong-key" not in answer.why


async def test_an_unreachable_gateway_refuses_nothing(sim: SimServer) -> None:
    async with desk_of(sim, api_url="http://127.0.0.1:9/api") as desk:
        answer = await desk.broker.perform(Login())

    assert isinstance(answer, LoginFailed)
    assert not answer.refused


FAILING = [
    pytest.param({"kind": "reset"}, id="request lost"),
    pytest.param({"kind": "reset", "when": "after"}, id="answer lost"),
    pytest.param({"kind": "status", "status": 500}, id="500 before"),
    pytest.param({"kind": "status", "status": 500, "when": "after"}, id="500 after"),
    pytest.param({"kind": "status", "status": 503}, id="503"),
    pytest.param({"kind": "status", "status": 429}, id="429"),
    pytest.param({"kind": "status", "status": 429, "retry_after": 60}, id="429 with retry-after"),
    pytest.param({"kind": "status", "status": 403}, id="403"),
    pytest.param({"kind": "status", "status": 302}, id="302"),
    pytest.param({"kind": "hang"}, id="timeout"),
    pytest.param({"kind": "hang", "when": "after"}, id="timeout, yet done"),
    pytest.param({"kind": "malformed"}, id="half a body"),
    pytest.param({"kind": "malformed", "body": "[]"}, id="a list"),
    pytest.param({"kind": "malformed", "body": "null"}, id="null"),
    pytest.param({"kind": "malformed", "body": "{}"}, id="an empty object"),
    pytest.param({"kind": "malformed", "body": '{"success": 1}'}, id="success 1"),
    pytest.param({"kind": "empty"}, id="no success, no code"),
]


@pytest.mark.parametrize("fault", FAILING)
async def test_a_deed_without_a_usable_answer_is_uncertain(
    sim: SimServer, desk: Desk, fault: dict[str, Any]
) -> None:
    await desk.log_in()
    await sim.order(FIRST, "MNQ", "buy", 1)
    with desk.struck(CLOSE, fault):
        answer = await desk.close()

    assert (answer.command_id, answer.account_id) == ("c", FIRST)
    assert answer.outcome is Outcome.UNCERTAIN
    assert answer.why
    assert len(sim.calls.of(CLOSE)) == 1, "never sent twice"
    truth = await desk.truth()
    assert isinstance(truth, TruthRead)
    assert (truth.positions == ()) == (fault.get("when") == "after"), "done, or not: both happen"


FEW = [one for one in FAILING if one.id in {"answer lost", "500 before", "timeout", "null", "429"}]


@pytest.mark.parametrize("fault", [*FEW, pytest.param({"kind": "reject", "code": 1}, id="refused")])
@pytest.mark.parametrize("endpoint", ["Position/searchOpen", "Order/v2/query", "Trade/search"])
async def test_one_failed_part_makes_the_truth_unknown(
    sim: SimServer, desk: Desk, endpoint: str, fault: dict[str, Any]
) -> None:
    await desk.log_in()
    with desk.struck(endpoint, fault):
        answer = await desk.truth()

    assert isinstance(answer, TruthFailed)
    assert answer.why
    assert answer.asked
    assert len(sim.calls.of(endpoint)) == 1, "who asks decides whether to ask again"
    assert isinstance(await desk.truth(), TruthRead)


@pytest.mark.parametrize(
    "fault",
    [
        *FEW,
        pytest.param({"kind": "reject", "code": 1}, id="refused"),
        pytest.param({"kind": "malformed", "body": '{"success": true}'}, id="no list"),
        pytest.param({"kind": "malformed", "body": '{"success": true, "accounts": []}'}, id="none"),
        pytest.param(
            {"kind": "malformed", "body": '{"success": true, "accounts": null}'}, id="null list"
        ),
        pytest.param(
            {"kind": "malformed", "body": '{"success": true, "accounts": [7]}'}, id="odd row"
        ),
    ],
)
async def test_accounts_that_cannot_be_listed_are_not_none(
    desk: Desk, fault: dict[str, Any]
) -> None:
    await desk.log_in()
    with desk.struck("Account/search", fault):
        assert isinstance(await desk.broker.perform(ReadAccounts()), AccountsFailed)
    assert isinstance(await desk.broker.perform(ReadAccounts()), AccountsRead)


@pytest.mark.parametrize("fault", FEW)
@pytest.mark.parametrize("endpoint", ["Auth/loginKey", "Account/search"])
async def test_a_login_that_fails_says_so(desk: Desk, endpoint: str, fault: dict[str, Any]) -> None:
    with desk.struck(endpoint, fault):
        answer = await desk.broker.perform(Login())

    assert isinstance(answer, LoginFailed)
    assert not answer.refused
    assert isinstance(await desk.broker.perform(Login()), LoggedIn)


@pytest.mark.parametrize(("code", "refused"), [(3, True), (10, True), (8, False)])
async def test_a_login_tells_no_from_nothing(
    sim: SimServer, desk: Desk, code: int, *, refused: bool
) -> None:
    sim.faults.rest(endpoint="Auth/loginKey", kind="reject", code=code)

    answer = await desk.broker.perform(Login())

    assert isinstance(answer, LoginFailed)
    assert answer.refused == refused


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param('"positions": [{"id": 1}]', id="a row that makes no sense"),
        pytest.param('"positions": null', id="null for a list"),
        pytest.param('"position": []', id="another key"),
        pytest.param(
            '"positions": [{"id": 1, "accountId": 1002, "contractId": "C", "size": 0}]',
            id="a row of another account",
        ),
        pytest.param(
            '"positions": ['
            + ",".join(
                f'{{"id": {number}, "accountId": 1001, "contractId": "C", "type": 1, "size": 1,'
                ' "averagePrice": 1.5, "creationTimestamp": "2025-01-01T00:00:00Z"}'
                for number in (1, 2)
            )
            + "]",
            id="two rows of one contract",
        ),
    ],
)
async def test_positions_that_make_no_sense_are_unknown(
    sim: SimServer, desk: Desk, rows: str
) -> None:
    await desk.log_in()
    body = f'{{"success": true, "errorCode": 0, {rows}}}'
    sim.faults.rest(endpoint="Position/searchOpen", kind="malformed", body=body)

    assert isinstance(await desk.truth(), TruthFailed)


async def test_truth_holds_positions_orders_and_trades(sim: SimServer, desk: Desk) -> None:
    await desk.log_in()
    await sim.order(FIRST, "MNQ", "sell", 2, stop_ticks=40, target_ticks=40)
    await sim.order(FIRST, "MES", "buy", 1, type="limit", limit=5900, stop_ticks=40)
    await sim.order(SECOND, "MNQ", "buy", 5)

    answer = await desk.truth()

    assert isinstance(answer, TruthRead)
    assert [(one.contract_id, one.size) for one in answer.positions] == [(MNQ, -2)]
    assert {one.contract_id for one in answer.orders} == {MNQ, MES}
    assert OrderStatus.SUSPENDED in {one.status for one in answer.orders}
    assert answer.trades is not None
    assert [one.size for one in answer.trades] == [2]


async def test_trades_are_read_only_when_asked_for_and_since_an_instant(
    sim: SimServer, desk: Desk
) -> None:
    await desk.log_in()
    await sim.order(FIRST, "MNQ", "buy", 1)
    later = Nanos(sim.world.now() + 3_600_000_000_000)

    without = await desk.broker.perform(ReadTruth(command_id="r", account_id=FIRST))
    since = await desk.broker.perform(
        ReadTruth(command_id="r", account_id=FIRST, trades_since=later)
    )

    assert isinstance(without, TruthRead)
    assert without.trades is None
    assert isinstance(since, TruthRead)
    assert since.trades == ()


async def test_orders_are_read_page_by_page(
    sim: SimServer, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.adapters.projectx_reads.PAGE_ORDERS", 3)
    await desk.log_in()
    for step in range(7):
        await sim.order(FIRST, "MNQ", "buy", 1, type="limit", limit=20_000 + step)

    answer = await desk.truth()

    assert isinstance(answer, TruthRead)
    assert len(answer.orders) == 7
    assert len(sim.calls.of("Order/v2/query")) == 3


async def test_a_truth_says_when_it_was_asked(sim: SimServer) -> None:
    ticks = iter(range(1_000, 2_000))
    async with desk_of(sim, mono=lambda: next(ticks)) as desk:
        await desk.log_in()
        before = next(ticks)
        answer = await desk.truth()

    assert isinstance(answer, TruthRead)
    assert answer.asked == before + 1, "taken before anything else"


async def test_each_deed_is_done_for_the_account_it_names(sim: SimServer, desk: Desk) -> None:
    await desk.log_in()
    await sim.order(FIRST, "MNQ", "buy", 3)
    await sim.order(SECOND, "MNQ", "buy", 3)
    order = await sim.order(SECOND, "MNQ", "sell", 1, type="limit", limit=22_000)

    partial = PartialClose(command_id="p", account_id=SECOND, contract_id=MNQ, size=1)
    cancel = CancelOrder(
        command_id="x", account_id=SECOND, contract_id=MNQ, order_id=OrderId(order)
    )
    for command in (partial, cancel):
        assert await desk.broker.perform(command) == Answered(
            command_id=command.command_id, account_id=SECOND, outcome=Outcome.ACCEPTED
        )

    first, second = await desk.truth(FIRST), await desk.truth(SECOND)
    assert isinstance(first, TruthRead)
    assert isinstance(second, TruthRead)
    assert [one.size for one in first.positions] == [3]
    assert [one.size for one in second.positions] == [2]
    assert second.orders == ()


async def test_a_refused_deed_says_which_and_why(sim: SimServer, desk: Desk) -> None:
    await desk.log_in()

    nothing = await desk.close()
    sim.faults.rest(endpoint=CLOSE, kind="reject", code=5, message="Market closed.")
    rejected = await desk.close()
    cancel = CancelOrder(command_id="x", account_id=FIRST, contract_id=MNQ, order_id=OrderId(7))
    unknown = await desk.broker.perform(cancel)

    assert nothing.outcome is Outcome.REFUSED
    assert "PositionNotFound" in nothing.why
    assert rejected.outcome is Outcome.REFUSED
    assert "OrderRejected" in rejected.why
    assert "5 Market closed." in rejected.why
    assert isinstance(unknown, Answered)
    assert unknown.outcome is Outcome.REFUSED
    assert "OrderNotFound" in unknown.why


async def test_an_instrument_is_read_with_its_root(desk: Desk) -> None:
    await desk.log_in()
    contract = ContractId("CON.F.US.EP.Z26")

    answer = await desk.broker.perform(ReadInstrument(account_id=FIRST, contract_id=contract))

    assert isinstance(answer, InstrumentRead)
    assert (answer.instrument.root, answer.instrument.tick_value) == ("EP", 125_000)


@pytest.mark.parametrize("published", ["null", "missing", "zero"])
async def test_a_contract_without_economics_is_final(
    sim: SimServer, desk: Desk, published: str
) -> None:
    await desk.log_in()
    await sim.do(actions.Contract(root="MNQ", expiry="Z26", published=published))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    answer = await desk.broker.perform(ReadInstrument(account_id=FIRST, contract_id=MNQ))

    assert isinstance(answer, InstrumentFailed)
    assert answer.final


async def test_an_unknown_contract_is_final_and_a_failed_read_is_not(
    sim: SimServer, desk: Desk
) -> None:
    await desk.log_in()
    unknown = ReadInstrument(account_id=FIRST, contract_id=ContractId("CON.F.US.XYZ.Z26"))
    absent = await desk.broker.perform(unknown)
    sim.faults.rest(endpoint="Contract/searchById", kind="status", status=500)
    failed = await desk.broker.perform(ReadInstrument(account_id=FIRST, contract_id=MNQ))

    assert isinstance(absent, InstrumentFailed)
    assert absent.final
    assert isinstance(failed, InstrumentFailed)
    assert (failed.final, failed.asked) == (False, True)


async def test_a_record_that_the_minute_has_no_request_left_for_was_never_asked_of_the_gateway(
    sim: SimServer, desk: Desk
) -> None:
    await desk.log_in()
    while judgeable(desk.broker.spent):
        await desk.broker._rest.meter.acquire()
    record = "Contract/searchById"

    kept = await desk.broker.perform(ReadInstrument(account_id=FIRST, contract_id=MNQ))

    assert isinstance(kept, InstrumentFailed)
    assert (kept.final, kept.asked) == (False, False)
    assert sim.calls.of(record) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ES", {"CON.F.US.EP.Z26", "CON.F.US.MES.Z26"}),
        ("MNQ", {"CON.F.US.MNQ.Z26"}),
        ("cocoa", set[str]()),
    ],
)
async def test_contracts_are_searched_for_a_text(desk: Desk, text: str, found: set[str]) -> None:
    await desk.log_in()
    spent = desk.broker.spent

    answer = await desk.broker.perform(SearchContracts(text=text))

    assert isinstance(answer, ContractsRead)
    assert {one.contract_id for one in answer.contracts} == found
    assert desk.broker.spent == spent + 1


async def test_all_contracts_that_can_be_traded_are_listed(sim: SimServer, desk: Desk) -> None:
    await desk.log_in()
    await sim.do(actions.Contract(root="MES", expiry="Z26", active=False))

    answer = await desk.broker.perform(SearchContracts())

    assert isinstance(answer, ContractsRead)
    assert MNQ in {one.contract_id for one in answer.contracts}
    assert MES not in {one.contract_id for one in answer.contracts}
    assert ("ESZ6", "E-mini S&P 500: December 2026") in {
        (one.name, one.description) for one in answer.contracts
    }


@pytest.mark.parametrize(
    "body",
    [
        '{"success": true, "errorCode": 0}',
        '{"success": true, "errorCode": 0, "contracts": null}',
        '{"success": true, "errorCode": 0, "contracts": [{"name": "ESZ6"}]}',
        '{"success": false, "errorCode": 2, "contracts": []}',
        '{"success": true, "errorCode": 0, ',
    ],
)
@pytest.mark.parametrize(("text", "endpoint"), [("ES", "search"), ("", "available")])
async def test_a_search_without_a_usable_answer_has_failed(
    sim: SimServer, desk: Desk, body: str, text: str, endpoint: str
) -> None:
    await desk.log_in()
    sim.faults.rest(endpoint=f"Contract/{endpoint}", kind="malformed", body=body)

    answer = await desk.broker.perform(SearchContracts(text=text))

    assert isinstance(answer, ContractsFailed)
    assert answer.why


async def test_a_revoked_token_is_replaced_once_for_all_who_wait(
    sim: SimServer, desk: Desk
) -> None:
    await desk.log_in()
    sim.faults.revoke_tokens()

    answers = await asyncio.gather(*(desk.truth(one) for one in (FIRST, SECOND) * 5))

    assert all(isinstance(answer, TruthRead) for answer in answers)
    assert len(sim.calls.of("Auth/loginKey")) == 2


async def test_a_deed_under_a_revoked_token_is_uncertain_and_the_next_one_goes_through(
    sim: SimServer, desk: Desk
) -> None:
    await desk.log_in()
    await sim.order(FIRST, "MNQ", "buy", 1)
    sim.faults.revoke_tokens()

    first, second = await desk.close(), await desk.close()

    assert first.outcome is Outcome.UNCERTAIN
    assert second.outcome is Outcome.ACCEPTED
    assert len(sim.calls.of(CLOSE)) == 2


async def test_what_waits_for_a_login_has_had_its_turn_too(sim: SimServer, desk: Desk) -> None:
    """A hundred cancels and a hundred reads at once, and the token has just run out."""
    await desk.log_in()
    desk.broker._rest.renew_at = 0.0
    before = len(sim.calls.log)

    async with asyncio.TaskGroup() as group:
        for number in range(100):
            cancel = CancelOrder(
                command_id=f"c{number}",
                account_id=FIRST,
                contract_id=MNQ,
                order_id=OrderId(number),
                claim=Claim.FIRST,
            )
            group.create_task(desk.broker.perform(cancel))
            read = ReadTruth(
                command_id=f"r{number}",
                account_id=FIRST,
                trades_since=None,
                urgent=True,
                claim=Claim.FIRST,
            )
            group.create_task(desk.broker.perform(read))

    assert LIMIT - LAST <= len(sim.calls.log) - before <= LIMIT - CLOSES + 1


async def test_a_token_that_is_never_good_costs_few_logins(sim: SimServer, desk: Desk) -> None:
    await desk.log_in()
    sim.faults.rest(endpoint="Position/searchOpen", kind="status", status=401, count=None)

    for _ in range(20):
        assert isinstance(await desk.truth(), TruthFailed)

    assert len(sim.calls.of("Auth/loginKey")) <= 8


async def test_a_call_that_hangs_delays_nobody_else(sim: SimServer) -> None:
    async with desk_of(sim, timeout_seconds=60.0) as desk:
        await desk.log_in()
        await sim.order(SECOND, "MNQ", "buy", 1)
        sim.faults.rest(endpoint="*", account=FIRST, kind="hang", count=None)
        stuck = [asyncio.create_task(desk.truth(FIRST)) for _ in range(30)]
        await arrived(lambda: len(sim.calls.of("Trade/search", FIRST)) == 30)

        async with asyncio.timeout(PATIENCE):
            answer = await desk.close(SECOND)
            truth = await desk.truth(SECOND)

        assert answer.outcome is Outcome.ACCEPTED
        assert isinstance(truth, TruthRead)
        assert not any(task.done() for task in stuck)
        await desk.broker.close()
        assert {type(one) for one in await asyncio.gather(*stuck)} == {TruthFailed}


async def arrived(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


async def test_i4_reads_stop_at_the_last_slice_and_what_enforcement_asks_does_not(
    sim: SimServer, desk: Desk
) -> None:
    await desk.log_in()
    assert isinstance(await desk.truth(), TruthRead)
    while desk.broker.spent < LIMIT - LAST:
        await desk.broker._rest.meter.acquire()

    urgent = ReadTruth(command_id="r", account_id=FIRST, urgent=True)
    async with asyncio.timeout(PATIENCE):
        assert isinstance(await desk.truth(), TruthFailed)
        while desk.broker.spent <= LIMIT:
            await desk.broker._rest.meter.acquire()
        assert (await desk.close()).outcome is Outcome.REFUSED
        assert isinstance(await desk.broker.perform(urgent), TruthRead)

    assert len(sim.calls.of(CLOSE)) == 1


@pytest.mark.parametrize(("since", "requests"), [(Nanos(0), 3), (None, 2)])
async def test_a_read_for_which_the_minute_has_too_little_left_says_so_and_asks_for_no_part_of_it(
    sim: SimServer, desk: Desk, since: Nanos | None, requests: int
) -> None:
    """Parts of reads would eat up what comes free, request by request, and none be whole."""
    await desk.log_in()
    while desk.broker.spent <= LIMIT - LAST - requests:
        await desk.broker._rest.meter.acquire()
    spent = desk.broker.spent

    answer = await desk.broker.perform(
        ReadTruth(command_id="r", account_id=FIRST, trades_since=since)
    )

    assert isinstance(answer, TruthFailed)
    assert (answer.asked, answer.why) == (False, RESERVED)
    assert desk.broker.spent == spent
    assert [sim.calls.of(one) for one in ("Trade/search", "Position/searchOpen")] == [[], []]


async def test_a_list_for_which_the_minute_has_nothing_left_says_so(desk: Desk) -> None:
    await desk.log_in()
    while desk.broker.spent < LIMIT - LAST:
        await desk.broker._rest.meter.acquire()

    answer = await desk.broker.perform(ReadAccounts())

    assert isinstance(answer, AccountsFailed)
    assert (answer.asked, answer.why) == (False, RESERVED)


async def test_i4_a_deed_is_not_kept_back_by_how_often_we_have_logged_in(
    sim: SimServer, desk: Desk
) -> None:
    await desk.log_in()
    for _ in range(10):
        sim.faults.revoke_tokens()
        first, second = await desk.close(), await desk.close()
        assert (first.outcome, second.outcome) == (Outcome.UNCERTAIN, Outcome.REFUSED)

    assert len(sim.calls.of("Auth/loginKey")) == 11


async def test_the_minute_passes(sim: SimServer) -> None:
    now = 0
    async with desk_of(sim, mono=lambda: now) as desk:
        await desk.log_in()
        assert desk.broker.spent == 2
        now = 60_000_000_000
        assert desk.broker.spent == 0


async def test_a_closed_broker_answers_and_closes_twice(desk: Desk) -> None:
    await desk.connect()

    async with asyncio.timeout(1.0):
        await desk.broker.close()
        await desk.broker.close()

    assert (await desk.close()).outcome is Outcome.UNCERTAIN
    assert isinstance(await desk.truth(), TruthFailed)
    assert isinstance(await desk.broker.perform(Login()), LoginFailed)


@pytest.mark.parametrize("first", [1, 4, 8, 9, 16])
async def test_nothing_leaves_once_the_broker_is_closed(sim: SimServer, first: int) -> None:
    """In whatever turn of the loop; what had left is cut off, and no connection stays open."""
    for second in range(13):
        async with desk_of(sim) as desk:
            await desk.log_in()
            asked = [asyncio.create_task(desk.truth())]
            await turns(first)
            asked.append(asyncio.create_task(desk.truth(SECOND)))
            await turns(second)

            await desk.broker.close()

            known = len(sim.calls.log)
            await asyncio.sleep(0.02)
            assert len(sim.calls.log) == known, second
            await asyncio.wait(asked)


async def turns(count: int) -> None:
    """Let the loop take some turns."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_deed_is_known_to_leave_until_it_is_on_its_socket(desk: Desk) -> None:
    await desk.log_in()
    leaving = desk.broker._rest.figures.leaving
    desk.sim.faults.rest(endpoint=CLOSE, kind="hang")

    closing = asyncio.create_task(desk.close())
    await turns(2)
    assert len(leaving) == 1
    await arrived(lambda: not leaving)

    assert not closing.done(), "it is on its socket, and waits for an answer"
    await desk.broker.close()
    await closing


async def test_a_deed_that_finds_no_connection_leaves_no_more(sim: SimServer) -> None:
    async with desk_of(sim) as desk:
        await desk.log_in()
        desk.broker._rest.base_url = "http://127.0.0.1:9/api"

        assert (await desk.close()).outcome is Outcome.UNCERTAIN

        assert not desk.broker._rest.figures.leaving


async def test_an_account_unknown_to_the_gateway_is_unknown_to_us(desk: Desk) -> None:
    await desk.log_in()
    answer = await desk.broker.perform(
        ReadTruth(command_id="r", account_id=type(FIRST)(9_999), trades_since=None)
    )

    assert isinstance(answer, TruthFailed)

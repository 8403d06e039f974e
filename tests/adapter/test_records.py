"""A contract's record is read once for a login, however many of its accounts ask for it."""

import asyncio

import pytest

from actors.adapters import projectx_records
from ops.sim.server import SimServer
from protocol.answers import InstrumentFailed, InstrumentRead
from protocol.commands import ReadInstrument
from protocol.units import AccountId, ContractId

from .conftest import FIRST, MES, MNQ, SECOND, Desk

RECORD = "Contract/searchById"


def ask(account: AccountId, contract: ContractId = MNQ) -> ReadInstrument:
    return ReadInstrument(account_id=account, contract_id=contract)


async def test_accounts_that_ask_at_once_share_a_request_and_later_ones_need_none(
    sim: SimServer, desk: Desk
) -> None:
    await desk.log_in()
    both = await asyncio.gather(*(desk.broker.perform(ask(one)) for one in (FIRST, SECOND)))
    later = await desk.broker.perform(ask(SECOND))

    read = [one for one in (*both, later) if isinstance(one, InstrumentRead)]
    assert [one.account_id for one in read] == [FIRST, SECOND, SECOND]
    assert len({one.instrument for one in read}) == 1
    assert len(sim.calls.of(RECORD)) == 1


async def test_each_contract_has_its_own(sim: SimServer, desk: Desk) -> None:
    await desk.log_in()
    for contract in (MNQ, MES, MNQ, MES):
        found = await desk.broker.perform(ask(FIRST, contract))
        assert isinstance(found, InstrumentRead)
        assert found.instrument.contract_id == contract

    assert len(sim.calls.of(RECORD)) == 2


async def test_a_failure_is_everybodys_and_is_not_kept(sim: SimServer, desk: Desk) -> None:
    await desk.log_in()
    sim.faults.rest(endpoint=RECORD, kind="status", status=500, count=1)
    both = await asyncio.gather(*(desk.broker.perform(ask(one)) for one in (FIRST, SECOND)))
    again = await desk.broker.perform(ask(FIRST))

    failed = [one for one in both if isinstance(one, InstrumentFailed)]
    assert [(one.account_id, one.final) for one in failed] == [(FIRST, False), (SECOND, False)]
    assert isinstance(again, InstrumentRead)
    assert len(sim.calls.of(RECORD)) == 2


async def test_the_word_that_there_is_none_is_not_kept(sim: SimServer, desk: Desk) -> None:
    await desk.log_in()
    unlisted = ask(FIRST, ContractId("CON.F.US.XYZ.Z26"))
    for _ in range(2):
        absent = await desk.broker.perform(unlisted)
        assert isinstance(absent, InstrumentFailed)
        assert absent.final

    assert len(sim.calls.of(RECORD)) == 2


async def test_one_who_waits_no_longer_takes_the_answer_from_nobody(
    sim: SimServer, desk: Desk
) -> None:
    await desk.log_in()
    first = asyncio.create_task(desk.broker.perform(ask(FIRST)))
    second = asyncio.create_task(desk.broker.perform(ask(SECOND)))
    await asyncio.sleep(0)  # both have asked, and nothing can have been answered
    first.cancel()

    assert isinstance(await second, InstrumentRead)
    assert len(sim.calls.of(RECORD)) == 1


async def test_what_is_kept_is_bounded(
    sim: SimServer, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projectx_records, "RECORDS_MAX", 1)
    await desk.log_in()
    for contract in (MNQ, MES, MES, MNQ):
        await desk.broker.perform(ask(FIRST, contract))

    assert len(sim.calls.of(RECORD)) == 3

"""What the commands tell of the past, from a real desk's journals: hot and cold."""

import json
import stat
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.adapters.store import Store
from actors.model import pacing
from actors.model.headroom import Toward
from actors.roster import RELEASE
from actors.rules import daily_realized_loss, trade_management
from actors.rules.money_bound import MoneyBound
from ops.past import rerun
from protocol.decisions import EnforcementRequested
from protocol.units import USD, RuleName, Usd
from tests.cli.conftest import Command
from tests.e2e.stand import FIRST, MES, MNQ, OTHER, Stand, contracts, plan, realized

ID = "1001/daily_realized_loss/1"


async def breach(stand: Stand) -> None:
    await stand.start()
    await stand.enter("buy", 2, at=21000)
    await stand.enter("sell", 1, contract=MES, at=6000)
    await stand.price(MNQ, 20950)
    await stand.proven()


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """Return the data_dir of a morning with a breach, a lock, and two lives of the desk."""
    accounts = tmp_path / "var" / "accounts"
    accounts.mkdir(parents=True)
    plans = plan(realized(-200), contracts(9)), plan(contracts(1), account=OTHER)
    async with Stand(accounts, *plans) as stand:
        await breach(stand)
        await stand.crash()
        await stand.start()
    return tmp_path / "var"


def told(out: str) -> Any:
    return json.loads(out)


async def test_explain_tells_an_enforcement_from_its_cause_to_its_proof(
    data: Path, command: Command
) -> None:
    code, out, err = command("explain", ID, "--data", str(data))

    assert (code, err) == (0, "")
    assert f"{ID}: confirmed" in out
    assert "PriceCrossed" in out
    assert "+2 CON.F.US.MNQ.Z26 at 21000.00" in out
    assert "-1 CON.F.US.MES.Z26 at 6000.00" in out
    assert "at or below -200.00" in out
    assert "limit = -200" in out
    assert "close CON.F.US.MNQ.Z26: accepted" in out
    assert "close CON.F.US.MES.Z26: accepted" in out
    assert "read positions and orders: no position, no working order" in out
    assert "account as demanded" in out
    assert "the same decision, bit for bit" in out


async def test_explain_tells_of_stops_that_were_placed_and_moved(
    tmp_path: Path, command: Command
) -> None:
    accounts = tmp_path / "var" / "accounts"
    accounts.mkdir(parents=True)
    stops = trade_management.Params(auto_stop_ticks=40)
    async with Stand(accounts, plan((trade_management.NAME, stops))) as stand:
        await stand.start()
        await stand.enter("buy", 2, at=21000)
        await stand.proven()
        await stand.price(MNQ, 21010)
        await stand.proven(2)
        first, second = stand.decided(EnforcementRequested)

    data = ("--data", str(tmp_path / "var"))
    _, placed, _ = command("explain", first.enforcement_id, *data)
    _, moved, _ = command("explain", second.enforcement_id, *data)

    assert f"place a stop: sell 2 of {MNQ} at 20990.00: accepted" in placed
    assert f"in {MNQ} to 21007.50: accepted" in moved


async def test_explain_for_programs(data: Path, command: Command) -> None:
    code, out, _ = command("explain", ID, "--data", str(data), "--json")

    it = told(out)
    assert code == 0
    assert it["state"] == "confirmed"
    assert {one["command"] for one in it["commands"]} >= {f"close {MNQ}", f"close {MES}"}
    assert all(one["answered_ms"] >= one["after_ms"] for one in it["commands"])
    assert {*it["proof"]["reads"]} <= {one["id"] for one in it["commands"]}
    assert it["before"]["positions"][0]["size"] in (2, -1)
    assert it["arithmetic"]["settings"]["limit"] == "-200"
    assert it["rerun"]["differences"] == 0
    assert it["rerun"]["records"] > 20


async def test_replay_repeats_a_day_and_the_whole(data: Path, command: Command) -> None:
    line = ("replay", "--data", str(data), "--account", "1001")

    code, out, err = command(*line)
    named, again, _ = command(*line, "--day", "2026-11-18")
    whole, every, _ = command(*line, "--whole")

    assert (code, named, whole, err) == (0, 0, 0, "")
    assert "the same, bit for bit" in out
    assert out == again == every


async def test_i9_replay_and_explain_tell_what_other_code_would_have_done(
    data: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ("replay", "--data", str(data), "--account", "1001")
    monkeypatch.setattr(pacing, "PROOFS", 1)

    code, out, _ = command(*line)
    explained, why, _ = command("explain", ID, "--data", str(data))
    _, counted, _ = command(*line, "--json")

    assert (code, explained) == (1, 1)
    assert "NOT the same" in out
    assert "DIFFERENT" in out
    assert "EnforcementConfirmed" in out
    assert "NOT the same" in why
    assert "the request itself is the same: only what came before or after it differs" in why
    assert told(counted)["differences"] > 0


def a_thousand(rule: RuleName, toward: Toward, _: Decimal) -> MoneyBound:
    return MoneyBound(rule=rule, toward=toward, amount=Usd(-1_000 * USD))


async def test_a_rule_that_judges_otherwise_is_told(
    data: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily_realized_loss, "money_bound", a_thousand)

    code, out, _ = command("explain", ID, "--data", str(data))

    assert code == 1
    assert "written:  account/1001" in out
    assert "NOT the same" in out
    assert "the request itself" not in out


async def test_it_is_said_when_another_release_wrote_what_is_read(
    data: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rerun, "RELEASE", "9.9")

    _, why, _ = command("explain", ID, "--data", str(data))
    _, out, _ = command("replay", "--data", str(data), "--account", "1001")

    said = f"written by {RELEASE}, read by 9.9"
    assert said in why
    assert said in out


@pytest.mark.parametrize(
    ("line", "code", "complaint"),
    [
        (("explain", "nonsense"), 3, "is no enforcement's name"),
        (("explain", f"{ID}9"), 3, f"no enforcement {ID}9"),
        (("explain", "77/x/1"), 3, "no account 77 was ever guarded from here; there is 1001, 1002"),
        (
            ("verify", "--account", "7"),
            3,
            "no account 7 was ever guarded from here; there is 1001, 1002",
        ),
        (("verify", "--account", "7", "--json"), 3, "no account 7 was ever guarded from here"),
        (("backup", "--to", __file__), 1, "Not a directory; name a folder with room"),
        (("replay", "--account", "1001", "--day", "2026-11-21"), 1, "nothing is written of that"),
        (("replay", "--account", "1001", "--day", "yesterday"), 3, "yesterday is no date"),
        (("replay", "--account", "1001", "--day", "2026-11-17"), 1, "nothing is written of that"),
    ],
)
async def test_what_cannot_be_told_is_said(
    data: Path, command: Command, line: tuple[str, ...], code: int, complaint: str
) -> None:
    got, out, err = command(*line, "--data", str(data))

    assert got == code, out + err
    assert complaint in out + err
    assert "Traceback" not in err


async def test_a_folder_without_a_database_is_said(tmp_path: Path, command: Command) -> None:
    for line in (("verify",), ("explain", ID), ("backup", "--to", str(tmp_path / "b"))):
        code, _, err = command(*line, "--data", str(tmp_path))

        assert code == 3
        assert "nothing was ever recorded here" in err


async def test_verify_finds_a_sound_database_sound(data: Path, command: Command) -> None:
    code, out, _ = command("verify", "--data", str(data))

    assert code == 0
    assert out.count(": sound; ") == 2
    assert out.count("every page checked") == 2
    assert "a replay may begin at 2 places" in out


def damage(data: Path) -> None:
    file = data / "accounts" / "1001" / "data.mdb"
    file.write_bytes(file.read_bytes().replace(b"daily_realized_loss", b"daily_realized_lost"))


async def test_verify_finds_damage_and_says_how_to_mend_it(data: Path, command: Command) -> None:
    damage(data)

    code, out, _ = command("verify", "--data", str(data))
    coded, listed, _ = command("verify", "--data", str(data), "--account", "1001", "--json")

    assert (code, coded) == (1, 1)
    assert "account 1001: NOT SOUND" in out
    assert "fails its checksum" in out
    assert "account 1002: sound" in out
    assert "mend: start the service" in out
    assert told(listed)[0]["problems"]


async def test_a_backup_is_whole_private_and_can_be_explained(
    data: Path, tmp_path: Path, command: Command
) -> None:
    to = str(tmp_path / "copies")

    code, out, _ = command("backup", "--data", str(data), "--to", to, "--json")

    copy = Path(told(out)["folder"])
    assert code == 0
    assert [one["account"] for one in told(out)["accounts"]] == [1001, 1002]
    assert command("verify", "--data", str(copy))[0] == 0
    assert command("explain", ID, "--data", str(copy))[0] == 0
    assert {mode & 0o077 for mode in modes(copy)} == {0}
    with (
        closing(Store.open(copy / "accounts" / "1001", FIRST)) as restored,
        closing(Store.open(data / "accounts" / "1001", FIRST)) as store,
    ):
        assert restored.load_states() == store.load_states()
        assert list(restored.replay()) == list(store.replay())


def modes(folder: Path) -> list[int]:
    return [stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))]


async def test_a_backup_inside_the_data_is_refused(data: Path, command: Command) -> None:
    code, _, err = command("backup", "--data", str(data), "--to", str(data / "copies"))

    assert code == 3
    assert "a copy there would go with it" in err


async def test_a_backup_of_a_damaged_database_is_none(
    data: Path, tmp_path: Path, command: Command
) -> None:
    damage(data)

    code, _, err = command("backup", "--data", str(data), "--to", str(tmp_path / "copies"))

    assert code == 1
    assert "the copy is not sound" in err
    assert list((tmp_path / "copies").iterdir()) == []

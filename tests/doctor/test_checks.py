"""What the doctor makes of a machine, told what it would have found there."""

import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.load import understand
from config.schema import Service
from ops.desk.outcome import Exit
from ops.doctor import disk, gateway, ports, settings, sleep
from ops.doctor.finding import Verdict, fine, note, problem, unknown, verdict, warning
from tests.config.test_keys import BASE

OK, WARN, BAD, UNKNOWN = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM, Verdict.UNKNOWN
GATEWAY = problem("login", "x", "y", "z", Exit.GATEWAY)


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ([], 0),
        ([fine("a", "b"), note("a", "b"), unknown("a", "b", "c")], 0),
        ([fine("a", "b"), warning("a", "b", "c", "d")], 1),
        ([warning("a", "b", "c", "d"), GATEWAY], 4),
        ([GATEWAY, problem("a", "b", "c", "d")], 3),
    ],
)
def test_the_worst_decides_the_exit_code(found: list[Any], code: int) -> None:
    assert verdict(found) == code


@pytest.mark.parametrize(
    ("states", "lid", "has_battery", "expected"),
    [
        ([], None, False, UNKNOWN),
        (["masked"] * 4, None, True, OK),
        (["masked", "masked", "static", "static"], None, True, OK),
        (["static"] * 4, None, True, WARN),
        (["static"] * 4, "suspend", True, WARN),
        (["static"] * 4, "ignore", True, UNKNOWN),
        (["static"] * 4, None, False, UNKNOWN),
        (["masked", "static", "masked", "masked"], None, True, WARN),
    ],
)
def test_what_systemd_says_of_sleep(
    states: list[str], lid: str | None, *, has_battery: bool, expected: Verdict
) -> None:
    found = sleep.linux(states, lid, has_battery=has_battery)

    assert found.verdict is expected
    assert found.verdict is OK or (found.why and found.mend)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("System-wide power settings:\n sleep                0\n displaysleep 10\n", OK),
        ("Currently in use:\n sleep                1 (sleep prevented by coreaudiod)\n", WARN),
        ("", UNKNOWN),
    ],
)
def test_what_pmset_says_of_sleep(said: str, expected: Verdict) -> None:
    assert sleep.mac(said).verdict is expected


def test_a_drop_in_wins_over_the_main_file_of_logind(tmp_path: Path) -> None:
    main, folder = tmp_path / "logind.conf", tmp_path / "logind.conf.d"
    folder.mkdir()
    main.write_text("[Login]\n#HandleLidSwitch=ignore\nHandleLidSwitch=suspend\n")
    assert sleep.lid_switch((main, folder)) == "suspend"

    (folder / "10-lid.conf").write_text("[Login]\nHandleLidSwitch=ignore\n")
    assert sleep.lid_switch((main, folder)) == "ignore"
    assert sleep.lid_switch((tmp_path / "gone",)) is None


def test_this_machine_can_be_asked_whatever_it_is() -> None:
    assert sleep.check().check == "sleep"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("ext4", OK), ("overlay", OK), ("nfs4", BAD), ("cifs", BAD), ("9p", BAD), ("tmpfs", BAD)],
)
def test_locks_belong_on_a_local_disk_that_keeps_them(
    tmp_path: Path, kind: str, expected: Verdict
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/a / xfs rw 0 0\nother {tmp_path} {kind} rw 0 0\n")

    assert disk.kind(tmp_path, mounts).verdict is expected
    assert disk.kind(Path("/"), mounts).verdict is OK
    assert disk.kind(tmp_path, tmp_path / "gone").verdict is UNKNOWN


def test_a_disk_is_measured_and_left_as_it_was(tmp_path: Path) -> None:
    found = disk.speed(tmp_path)

    assert "writes to the disk: median" in found.what
    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_has_no_room_to_grow_is_warned_of(tmp_path: Path) -> None:
    document: dict[str, object] = {**BASE, "journal": {"max_mb": 2**40}}
    config = understand(document, tmp_path / "a.toml").config

    assert disk.room(tmp_path, config).verdict in (WARN, BAD)


@pytest.mark.parametrize(
    ("skew", "expected"),
    [(None, UNKNOWN), (0.0, OK), (0.9, OK), (-1.5, WARN), (10.0, WARN), (-10.5, BAD), (3600, BAD)],
)
def test_a_clock_that_is_wrong_moves_resets(skew: float | None, expected: Verdict) -> None:
    config = understand(dict(BASE), Path("/etc/riskwarden.toml")).config

    assert gateway.clock(config.logins[0], skew).verdict is expected


@pytest.mark.parametrize(
    ("count", "expected"), [(1, OK), (5, OK), (20, OK), (40, OK), (60, WARN), (100, WARN)]
)
def test_polls_that_come_too_rarely_are_warned_of(count: int, expected: Verdict) -> None:
    template: dict[str, Any] = BASE["accounts"][0]
    accounts = [{**template, "id": number, "login": "main"} for number in range(1, count + 1)]
    config = understand({**BASE, "accounts": accounts}, Path("/etc/riskwarden.toml")).config

    (found,) = settings.requests(config)

    assert found.verdict is expected, found.what
    assert f"each of {count} accounts" in found.what


def test_a_port_that_somebody_else_has_is_a_problem(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = ports.check(Service(data_dir=tmp_path, http=f"127.0.0.1:{port}"))
    free = ports.check(Service(data_dir=tmp_path, http=f"127.0.0.1:{port}"))

    assert (taken.verdict, free.verdict) == (BAD, OK)
    assert f"127.0.0.1:{port} cannot be used: Address already in use" in taken.what


def test_a_lock_file_that_was_left_behind_is_not_taken_for_a_service(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    (tmp_path / "lock").write_bytes(msgspec.json.encode({"pid": 1, "http": f"127.0.0.1:{port}"}))

    assert "is free" in ports.check(Service(data_dir=tmp_path, http="127.0.0.1:0")).what

"""What the doctor makes of a machine, told what it would have found there."""

import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.load import understand
from config.schema import Service
from ops.desk.marks import Marks
from ops.desk.outcome import Exit
from ops.doctor import disk, gateway, marks, ports, settings, sleep
from ops.doctor.finding import Verdict, fine, note, problem, unknown, verdict, warning
from tests.config.test_keys import BASE
from tests.guardian.test_marks import MARK

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


def places(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "var" / "marks", tmp_path / "state" / "marks"


def test_places_of_marks_that_can_be_written_are_left_as_they_were(tmp_path: Path) -> None:
    near, far = places(tmp_path)
    near.mkdir(parents=True)
    (found,) = marks.look(Marks(tmp_path / "var", tmp_path / "state"))

    assert found == fine("marks", f"both places can be written: {near} and {far}")
    assert list(near.iterdir()) == []
    assert not (tmp_path / "state").exists()


def is_a_file(folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.touch()


def is_below_a_file(folder: Path) -> None:
    folder.parent.touch()


def leads_nowhere(folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.symlink_to(folder.parent / "gone")


@pytest.mark.parametrize("spoil", [is_a_file, is_below_a_file, leads_nowhere])
@pytest.mark.parametrize("which", [0, 1])
def test_a_place_of_marks_that_cannot_be_written_is_named_with_what_to_do(
    tmp_path: Path, which: int, spoil: Callable[[Path], None]
) -> None:
    folder = places(tmp_path)[which]
    spoil(folder)

    (found,) = marks.look(Marks(tmp_path / "var", tmp_path / "state"))
    with pytest.raises(OSError, match=re.escape(str(folder))):  # so the doctor is right
        Marks(tmp_path / "var", tmp_path / "state").write(MARK)

    assert found.verdict is WARN
    assert found.what.startswith(f"{folder} cannot be written: ")
    assert found.why
    assert str(folder) in found.mend


def test_a_user_without_a_place_for_state_is_told_that_one_is_missing(tmp_path: Path) -> None:
    (found,) = marks.look(Marks(tmp_path / "var", None))

    assert found.verdict is WARN
    assert "XDG_STATE_HOME" in found.mend


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

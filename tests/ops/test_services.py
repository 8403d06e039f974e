"""What service managers are given: the unit verifies, is hardened, names commands that exist."""

import os
import plistlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ops.cli import parser

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "ops/systemd/riskwarden.service"
PLIST = ROOT / "ops/launchd/com.riskwarden.plist"
RUNNING = ROOT / "ops/RUNNING.md"
EXPOSURE_MAX = 2.0
"""systemd's own measure, from 0 (can do nothing) to 10 (can do everything)."""

analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None and "CI" not in os.environ,
    reason="systemd-analyze is not here (package systemd)",
)


def settings() -> dict[str, str]:
    lines = (line.partition("=") for line in UNIT.read_text(encoding="utf-8").splitlines())
    return {key: value for key, _, value in lines if re.fullmatch(r"[A-Z]\w+", key)}


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


@analyze
def test_the_unit_verifies_without_a_word(tmp_path: Path) -> None:
    """The command must exist to be verified, so the copy names a folder in which it does."""
    program = tmp_path / ".venv/bin/riskwarden"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/riskwarden", str(tmp_path)))

    done = run("systemd-analyze", "verify", "--man=no", str(copy))

    said = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert (done.returncode, said) == (0, [])


@analyze
def test_verifying_would_notice_a_mistake(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text(encoding="utf-8").replace("WatchdogSec=", "WatchDogSec="))

    assert "WatchDogSec" in run("systemd-analyze", "verify", "--man=no", str(copy)).stderr


@analyze
def test_the_service_may_do_little() -> None:
    done = run("systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT))

    found = re.search(r"exposure level for \S+: (\d+\.\d+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= EXPOSURE_MAX


def test_the_unit_notifies_is_watched_and_always_comes_back() -> None:
    unit = settings()

    assert (unit["Type"], unit["Restart"], unit["StartLimitIntervalSec"]) == (
        "notify",
        "always",
        "0",
    )
    assert int(unit["WatchdogSec"]) >= 10  # the guardian feeds it several times in that time
    assert unit["StateDirectory"].split() == ["riskwarden", "riskwarden-state"]
    assert unit["StateDirectoryMode"] == "0700"
    assert "Environment=XDG_STATE_HOME=/var/lib/riskwarden-state\n" in UNIT.read_text("utf-8")
    assert unit["UMask"] == "0077"
    assert unit["RestartPreventExitStatus"] == "3 5"
    assert unit["OOMPolicy"] == "continue", "the guardian replaces what the kernel has killed"


@pytest.mark.parametrize("source", ["unit", "plist"])
def test_the_command_that_is_started_is_one_that_exists(source: str) -> None:
    if source == "unit":
        words = settings()["ExecStart"].split()
    else:
        words = plistlib.loads(PLIST.read_bytes())["ProgramArguments"]
        words = words[words.index("-s") + 1 :]

    assert words[0].endswith("/.venv/bin/riskwarden")
    args = parser().parse_args(words[1:])
    assert args.json_logs


def test_the_plist_keeps_it_alive_and_private() -> None:
    plist = plistlib.loads(PLIST.read_bytes())

    assert plist["KeepAlive"] is plist["RunAtLoad"] is True
    assert plist["Umask"] == 0o077


def test_what_people_are_told_to_type_exists() -> None:
    """Every `riskwarden COMMAND` of the page is a command, and every file it names is there."""
    text = RUNNING.read_text(encoding="utf-8")
    choices = next(
        action.choices for action in parser()._actions if isinstance(action.choices, dict)
    )

    told = set(re.findall(r"`riskwarden ([a-z]+)", text))
    assert told <= set(choices)
    for name in re.findall(r"\b((?:ops|config)/[\w./-]+\w)", text):
        assert (ROOT / name).exists(), name

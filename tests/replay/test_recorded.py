"""Journals that were recorded once, and must lead to the same decisions in every release.

If one of these fails although nothing was meant to change, something did change.  If it was meant,
record them anew (tests/replay/record.py) in the change that means it.
"""

import logging
from pathlib import Path

import pytest

from actors.model import pacing
from protocol.codec import SCHEMA
from protocol.decisions import DayReset, EnforcementConfirmed, EnforcementFailing, LockedAttempt
from tests.replay.record import FOLDER, read
from tests.replay.test_same_decisions import repeat

JOURNALS = sorted(FOLDER.glob("*.journal"))


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "actors.shell")


@pytest.mark.parametrize("path", JOURNALS, ids=lambda path: path.stem)
def test_i9_a_recorded_journal_leads_to_the_same_decisions(path: Path) -> None:
    assert repeat(read(path)) == []


def test_i9_the_recorded_journals_tell_of_something() -> None:
    kinds = {type(one.message) for path in JOURNALS for one in read(path)}

    assert len(JOURNALS) >= 4
    assert kinds >= {DayReset, EnforcementConfirmed, EnforcementFailing, LockedAttempt}


def test_i9_a_mutant_of_the_core_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "PROOFS", 1)

    assert repeat(read(FOLDER / "morning.journal")) != []


def test_a_recording_of_a_newer_schema_is_refused(tmp_path: Path) -> None:
    newer = tmp_path / "newer.journal"
    newer.write_bytes(f"{SCHEMA + 1}\n".encode() + JOURNALS[0].read_bytes().partition(b"\n")[2])

    with pytest.raises(ValueError, match=f"of schema {SCHEMA + 1}, and this is {SCHEMA}"):
        read(newer)

"""The eight checkpoints: one vocabulary in the log, the metrics, the status and the traces."""

import json
import re
from collections import Counter
from typing import Any, get_args

from actors.adapters.spans import Context, Kind, Span, attributes, event
from ops.commands.status import render
from ops.desk.narrate import MARKS
from ops.sim.server import SimServer
from protocol import metrics
from protocol.decisions import (
    CHECKPOINTS,
    AlarmCleared,
    AlarmRaised,
    Checkpoint,
    DayReset,
    Decision,
    EnforcementWithdrawn,
)
from protocol.units import AccountId, RuleName
from tests.guardian.conftest import Build
from tests.guardian.service import KEY, Service, account, login, lose, until
from tests.guardian.test_metrics import at, page

WORDS = {one.word for one in Checkpoint}
NONE_OF_THEM = {DayReset, AlarmRaised, AlarmCleared}
NEEDED = {"time", "level", "source", "text"}
POSSIBLE = NEEDED | {"checkpoint", "event", "account", "rule", "enforcement", "alarm", "error",
                     "trace"}  # fmt: skip


def rows(one: Service) -> list[dict[str, Any]]:
    return [json.loads(line) for line in one.log.splitlines()]


def test_every_decision_has_its_checkpoint_or_is_known_to_have_none() -> None:
    decisions = set(get_args(Decision.__value__))

    assert set(CHECKPOINTS) | NONE_OF_THEM == decisions
    assert not set(CHECKPOINTS) & NONE_OF_THEM
    assert set(MARKS) == set(Checkpoint)
    assert [int(one) for one in Checkpoint] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_trace_names_the_checkpoint_by_the_same_word() -> None:
    decision = EnforcementWithdrawn(
        account_id=AccountId(1), enforcement_id="1/x/1", rule=RuleName("x")
    )
    heard = Span(name="input", context=Context(1, 2), kind=Kind.HEARD, start=1, end=2)
    own = Span(name="turn", context=Context(1, 2), start=1, end=2)

    assert event(decision)[1]["riskwarden.checkpoint"] == "enforcement"
    assert attributes(heard)["riskwarden.checkpoint"] == "event_received"
    assert "riskwarden.checkpoint" not in attributes(own)


async def test_log_metrics_and_status_tell_the_same_story(service: Build, sim: SimServer) -> None:
    one = service(login(sim.url), account())
    await one.start()
    await one.armed()
    await lose(sim)
    await one.locked()

    async def proven() -> bool:
        return any(row.get("event") == "EnforcementConfirmed" for row in rows(one))

    async def told_the_same() -> bool:
        page_ = await page(one)
        said = Counter(row["checkpoint"] for row in rows(one) if "checkpoint" in row)
        return all(
            at(page_, metrics.CHECKPOINT, "main", each.word) == said[int(each)] >= 1
            for each in Checkpoint
        )

    await until(proven, 10, lambda: one.log)
    await until(told_the_same, 10, lambda: one.log)
    desk = (await one.status()).desks[0]
    assert set(desk.checkpoints) == WORDS
    await says_everything_once(one)


async def says_everything_once(one: Service) -> None:
    found = rows(one)
    # A busy disk may be slow, and well again, as often as it likes.
    told = Counter(row["text"] for row in found if "alarm" not in row)
    assert [text for text, times in told.items() if times > 1] == []
    assert all(set(row) >= NEEDED and set(row) <= POSSIBLE for row in found)
    decided = {row["event"]: row for row in found if "event" in row}
    lock, proof = decided["LockSet"], decided["EnforcementConfirmed"]
    assert (lock["account"], lock["rule"]) == (1001, "daily_realized_loss")
    assert proof["enforcement"] == "1001/daily_realized_loss/1"
    assert proof["checkpoint"] == Checkpoint.ENFORCEMENT
    assert KEY not in one.log
    assert "eyJ" not in one.log


async def test_what_people_read_says_how_far_a_desk_came(service: Build, sim: SimServer) -> None:
    one = service(login(sim.url), account())
    await one.start()
    await one.armed()

    async def says_so() -> bool:
        text = "\n".join(render(await one.status()))
        return re.search(r"^  5 running since 20\d\d-", text, re.MULTILINE) is not None

    await until(says_so, 5, lambda: one.log)

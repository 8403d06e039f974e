"""What an exit made is waited for while its trade is on the way, and no longer than is said."""

from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.settling import SETTLE
from protocol.account_facts import PositionSeen, TradeSeen
from protocol.units import MILLISECOND
from tests.actors.loyal import Desk
from tests.actors.rig import later
from tests.actors.test_account import account, desk, read
from tests.sim.broker import ES, MNQ, Fact

STEP_MS = 50
"""How often is looked, while time passes."""
CONTRACTS, SIZES = st.sampled_from([MNQ, ES]), st.sampled_from([1, 2, 3, 5, -1, -2, -3, -5])
STEPS = st.one_of(
    st.tuples(st.just("trade"), CONTRACTS, SIZES),
    st.tuples(st.just("trade in parts"), CONTRACTS, SIZES),
    st.tuples(st.sampled_from(["position", "fill", "lose a fill", "copy"])),
    st.tuples(st.just("read"), st.booleans()),
    st.tuples(st.just("wait"), st.sampled_from([20, 300, 1_500])),
)


class Streams:
    """A desk to which positions and trades are told by separate streams, each in its order."""

    def __init__(self, one: Desk) -> None:
        self.one = one
        self.positions: deque[Fact] = deque()
        self.fills: deque[Fact] = deque()
        self._last: list[Fact] = []
        self._since: int | None = None

    def happens(self, kind: str, *what: Any) -> None:
        one = self.one
        match kind, what:
            case (("trade" | "trade in parts"), (contract_id, size)):
                broker = one.broker
                fill = broker.market if kind == "trade" else broker.market_in_parts
                facts = fill(contract_id, size, one.now.wall)
                self.positions.extend(fact for fact in facts if isinstance(fact, PositionSeen))
                self.fills.extend(fact for fact in facts if isinstance(fact, TradeSeen))
                one.now = later(one.now, MILLISECOND)
            case "position", _:
                self._tell(self.positions)
            case "fill", _:
                self._tell(self.fills)
            case "lose a fill", _ if self.fills:
                self.fills.popleft()
            case "copy", _:
                self.one.tell(self._last)
            case "read", (trades,):
                one.hear(read(one.broker, "x", one.now.mono, trades=trades))
            case "wait", (span,):
                self.wait(span)
            case _:
                pass
        self._look()

    def all_told(self) -> None:
        while self.positions or self.fills:
            self._tell(self.positions)
            self._tell(self.fills)

    def wait(self, ms: int) -> None:
        for _ in range(ms // STEP_MS + 1):
            self.one.wait(min(ms, STEP_MS))
            self._look()

    def _tell(self, stream: deque[Fact]) -> None:
        if stream:
            self.one.wait(1)
            self._last = [stream.popleft()]
            self.one.tell(self._last)
            self._look()

    def _look(self) -> None:
        """Something may be untold for twice the time to settle, without a break; no more."""
        settling, now = account(self.one).settling, self.one.now.mono
        assert set(settling.told_at) == set(settling.unsettled)
        assert set(settling.shrunk_at) == set(settling.untold)
        if not settling.untold:
            self._since = None
            return
        self._since = now if self._since is None else self._since
        assert now - self._since <= 2 * SETTLE


@pytest.mark.parametrize("in_two", [False, True], ids=["reversed in one", "reversed in two"])
@pytest.mark.parametrize("fails", [False, True], ids=["truth is read", "no truth"])
@given(steps=st.lists(STEPS, max_size=60))
def test_003_013_nothing_is_untold_for_longer_than_is_said(
    in_two: bool,  # noqa: FBT001 - a column
    fails: bool,  # noqa: FBT001 - a column
    steps: list[tuple[Any, ...]],
) -> None:
    one = desk(loss=-500_000, profit=500_000)
    one.broker.exchange.turns_in_two, one.truth_fails = in_two, fails
    streams = Streams(one)

    for step in steps:
        streams.happens(*step)
    streams.all_told()
    streams.wait(2 * SETTLE // MILLISECOND)

    assert account(one).settling.due is None

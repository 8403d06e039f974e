"""Keep a pair of hubs open for as long as the desk lives, and say so when there is none.

Theory: a loop without end.  Build a pair (a good token, both hubs, every subscription), announce
it, guard it, announce its loss, discard it, and begin again, sooner at first and later when it
keeps failing.  `HubsLost` and `HubsOpened` alternate: each is said once, as the answer to whoever
asked for the hubs or else as a notice.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

import msgspec

from actors.adapters.projectx_pair import Intake, LostError, Pair
from actors.adapters.projectx_rest import Rest
from protocol.answers import HubsLost, HubsOpened
from protocol.message import Message
from protocol.units import AccountId, ContractId

CONTRACTS_MAX = 1_000
QUICK_FAILURES = 3
"""A pair that opened and did not last counts, but the Gateway is there: soon is soon enough."""
LOGOUTS_FREE = 3
"""Logouts within the window that are answered at once: a person who logs in elsewhere needs one."""
LOGOUTS_KEPT = 10

log = logging.getLogger(__name__)


class Timings(msgspec.Struct, frozen=True, kw_only=True):
    """How long the supervisor waits, in seconds."""

    open: float = 8.0
    ping_every: float = 5.0
    ping_answer: float = 3.0
    retry_first: float = 0.25
    retry_max: float = 3.0
    retry_max_reachable: float = 1.0
    """After a pair that did open: the Gateway is there."""
    settled: float = 5.0
    """A pair that lived this long clears the record of failures."""
    logout_window: float = 300.0
    logout_pause: float = 30.0
    """Before the next hubs once the Gateway has logged us out often: someone wants the session.
    It doubles with each further logout of the window."""
    logout_pause_max: float = 240.0


class Hubs:
    """The supervisor of one login's hubs."""

    def __init__(
        self,
        rest: Rest,
        *,
        on_event: Intake,
        on_notice: Callable[[Message], None],
        timings: Timings,
    ) -> None:
        self.rest = rest
        self.timings = timings
        self._on_event = on_event
        self._on_notice = on_notice
        self._accounts: dict[AccountId, None] = {}
        self._contracts: dict[ContractId, None] = {}
        self._pair: Pair | None = None
        self._task: asyncio.Task[None] | None = None
        self._asked: asyncio.Future[Message] | None = None
        self.ping_ms: float | None = None
        """The newest round trip over both hubs; None while there are none."""
        self._logouts: deque[float] = deque(maxlen=LOGOUTS_KEPT)

    async def open(self, accounts: tuple[AccountId, ...]) -> Message:
        """Subscribe to these accounts too; return once the next attempt has an outcome."""
        self._accounts.update(dict.fromkeys(accounts))
        pair = self._pair
        if pair is not None:
            try:
                await pair.subscribe(accounts, (), self.timings.open)
            except LostError as error:
                pair.fail(str(error))
            else:
                return HubsOpened()
        if self._asked is None:
            self._asked = asyncio.get_running_loop().create_future()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="hubs")
        return await asyncio.shield(self._asked)

    async def watch(self, contract: ContractId) -> str | None:
        """Subscribe to a contract's quotes, now or with the next pair; return a refusal."""
        if contract not in self._contracts and len(self._contracts) >= CONTRACTS_MAX:
            return f"more than {CONTRACTS_MAX} contracts"
        self._contracts[contract] = None
        pair = self._pair
        if pair is None:
            return None
        try:
            refused = await pair.subscribe((), (contract,), self.timings.open)
        except LostError as error:
            pair.fail(str(error))
            return None
        return refused.get(contract)

    async def close(self) -> None:
        """Stop, and throw the pair away."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task}, timeout=1.0)
        self._answer(HubsLost(why="closed"))

    async def _run(self) -> None:
        failures = 0
        clock = asyncio.get_running_loop().time
        while True:
            pair = await self._build()
            if pair is None:
                failures += 1
                await asyncio.sleep(self._pause(failures, self.timings.retry_max))
                continue
            since = clock()
            try:
                why = self.rest.mask(await self._guard(pair))
                self._pair = self.ping_ms = None
                truce = self._truce(pair, clock())
                self._say(HubsLost(why=self._fight(truce) or why, contested=truce > 0))
            finally:
                self._pair = None
                await pair.discard()
            settled = clock() - since >= self.timings.settled
            failures = 0 if settled else min(failures, QUICK_FAILURES) + 1
            pause = self._pause(failures, self.timings.retry_max_reachable)
            await asyncio.sleep(max(pause, truce))

    def _pause(self, failures: int, most: float) -> float:
        """Return how long to wait after so many failures in a row: at first not at all."""
        doublings = min(failures, 16) - 2
        return 0.0 if failures <= 1 else min(most, self.timings.retry_first * 2.0**doublings)

    def _truce(self, pair: Pair, now: float) -> float:
        """Return how long to leave the session to whoever took it from us.

        A first logout wants a new login.  In a fight we keep our token: REST goes on with it, and a
        login that nobody needs would only throw the other one out again.
        """
        if not pair.logged_out:
            return 0.0
        self._logouts.append(now)
        horizon = now - self.timings.logout_window
        recent = sum(at >= horizon for at in self._logouts)
        if recent <= LOGOUTS_FREE:
            self.rest.reject(pair.jwt_token)
            return 0.0
        doubled = self.timings.logout_pause * 2.0 ** (recent - LOGOUTS_FREE - 1)
        return min(doubled, self.timings.logout_pause_max)

    def _fight(self, truce: float) -> str:
        """Say that another session wants this login; nothing where there is no fight."""
        if not truce:
            return ""
        return (
            f"another session fights for this login: the Gateway logged ours out more than "
            f"{LOGOUTS_FREE} times within {self.timings.logout_window:g} s, the next try is in "
            f"{truce:g} s; end the other session (a second riskwarden, a platform, a phone)"
        )

    async def _build(self) -> Pair | None:
        """Make one attempt at a pair, a second one if all it lacks is a login; say how it ended."""
        pair, why = await self._attempt()
        if pair is not None and pair.unauthorized:
            self.rest.reject(pair.jwt_token)
            pair, why = await self._attempt()
        if pair is None or why is not None:
            self._answer(HubsLost(why=why or "no hubs"))
            return None
        self._pair = pair
        self._say(HubsOpened())
        return pair

    async def _attempt(self) -> tuple[Pair | None, str | None]:
        """Return a pair and None, or what is left of it and why it is of no use."""
        pair: Pair | None = None
        try:
            pair = Pair(await self.rest.token(), self.rest.config, self._on_event)
            await pair.open(self.timings.open)
            await self._subscribe_all(pair)
        except BaseException as error:
            if pair is not None:
                await pair.discard()
            if not isinstance(error, Exception):
                raise
            return pair, self.rest.why(error)
        return pair, None

    async def _subscribe_all(self, pair: Pair) -> None:
        """Subscribe to everything asked for, also to what is asked for meanwhile."""
        tried: set[ContractId] = set()
        while True:
            accounts = self._accounts.keys() - pair.accounts
            contracts = self._contracts.keys() - tried
            if not accounts and not contracts:
                return
            tried |= contracts
            refused = await pair.subscribe(accounts, contracts, self.timings.open)
            for contract, why in refused.items():
                log.warning("no quotes of %s: %s", contract, why)

    async def _guard(self, pair: Pair) -> str:
        """Return why the pair is of no more use, when that is so."""
        renew_at = self.rest.renew_at
        while True:
            await asyncio.wait({pair.lost}, timeout=self.timings.ping_every)
            if pair.lost.done():
                return pair.lost.result()
            asked = asyncio.get_running_loop().time()
            try:
                await pair.ping(self.timings.ping_answer)
                self.ping_ms = (asyncio.get_running_loop().time() - asked) * 1_000
            except LostError as error:
                return str(error)
            if self.rest.is_past(renew_at) and await self._renewed(pair):
                return "the token is renewed"

    async def _renewed(self, pair: Pair) -> bool:
        """Get a new token before giving up the hubs of the old one."""
        try:
            return await self.rest.token() != pair.jwt_token
        except Exception as error:  # noqa: BLE001  (the old pair still serves)
            log.warning("the token could not be renewed: %s", self.rest.why(error))
            return False

    def _answer(self, message: Message) -> bool:
        """Answer whoever asked for the hubs, if anyone did."""
        asked, self._asked = self._asked, None
        if asked is None or asked.done():
            return False
        asked.set_result(message)
        return True

    def _say(self, message: Message) -> None:
        """Announce a change, as an answer or as a notice."""
        if isinstance(message, HubsOpened) and self._answer(message):
            return
        try:
            self._on_notice(message)
        except Exception:
            log.exception("a notice was not taken")

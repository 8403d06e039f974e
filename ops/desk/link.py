"""The line to the Gateway: loaded when the actors already stand, and watched for how it fares.

Importing the SDK takes a second of processor time.  Locks are told before that; what is asked of
the Gateway meanwhile waits here.
"""

import asyncio
import gc
import importlib
import logging
import time
from collections import Counter
from collections.abc import Callable

from config.schema import LoginConfig
from config.secrets import Credentials
from ops.desk.broker import Broker
from ops.desk.checkpoints import Checkpoints
from ops.desk.counts import Counts
from protocol import metrics
from protocol.account_facts import AccountSeen
from protocol.answers import AccountsRead, HubsLost, HubsOpened, LoggedIn, LoginFailed
from protocol.commands import Mutation, Read
from protocol.decisions import Checkpoint
from protocol.message import Message
from protocol.units import AccountId

log = logging.getLogger(__name__)
SAMPLE_S = 60.0
ADAPTER = "actors.adapters.projectx"


class Link:
    """A login's broker, as its desk and its process see it."""

    def __init__(
        self,
        login: LoginConfig,
        credentials: Credentials,
        counts: Counts | None = None,
        on_event: Callable[[str, object], None] = lambda _event, _payload: None,
        on_notice: Callable[[Message], None] = lambda _message: None,
    ) -> None:
        self.on_event = on_event
        self.on_notice = on_notice
        self.listed: dict[AccountId, AccountSeen] | None = None
        """The accounts of the newest list; None before the first login."""
        self.loaded_at: float | None = None
        self.logged_in_at: float | None = None
        self.refused = False
        self.why = "the Gateway has not answered"
        self.counts = counts or Counts()
        self.said_events = Sample(self.counts.checkpoints)
        self._login = login
        self._credentials = credentials
        self._loaded = asyncio.Event()
        self._say = self.counts.checkpoints.say
        self._was_open = False
        self._broker: Broker | None = None

    async def load(self) -> None:
        """Import the SDK beside the loop, and connect it with the intake."""
        adapter = await asyncio.to_thread(importlib.import_module, ADAPTER)
        # What was imported stays.  Python's full collections would go through all of it each time:
        # 50 ms in which nothing is decided, against 1 ms without it.
        gc.freeze()
        self._broker = adapter.Broker(
            username=self._credentials.username.reveal(),
            api_key=self._credentials.api_key.reveal(),
            api_url=self._login.api_url,
            user_hub_url=self._login.user_hub_url,
            market_hub_url=self._login.market_hub_url,
            on_event=self._event,
            on_notice=self._notice,
            mono=time.monotonic_ns,
            figures=self.counts.wire,
        )
        self.loaded_at = time.monotonic()
        self._loaded.set()

    async def perform(self, command: Mutation | Read) -> Message | None:
        """Do what the command says, once there is somebody to do it."""
        await self._loaded.wait()
        assert self._broker is not None
        answer = await self._broker.perform(command)
        if answer is not None:
            self._noted(answer)
        return answer

    async def close(self) -> None:
        """Let go of every connection."""
        if self._broker is not None:
            await self._broker.close()

    @property
    def spent(self) -> int:
        """Return the requests of the last 60 seconds."""
        return self._broker.spent if self._broker is not None else 0

    @property
    def ping_ms(self) -> float | None:
        """Return the newest round trip over both hubs in milliseconds."""
        return self._broker.ping_ms if self._broker is not None else None

    def _event(self, event: str, payload: object) -> None:
        self.said_events.take(event)
        self.on_event(event, payload)

    def _notice(self, message: Message) -> None:
        self._noted(message)
        self.on_notice(message)

    def _noted(self, message: Message) -> None:
        match message:
            case LoggedIn(accounts=accounts) | AccountsRead(accounts=accounts):
                if self.logged_in_at is None:
                    self._say(Checkpoint.CONNECTED, f"logged in, {len(accounts)} accounts listed")
                    self.logged_in_at = time.monotonic()
                self.listed = {one.account_id: one for one in accounts}
            case LoginFailed(why=why, refused=refused):
                log.warning("login: %s", why)
                self.why, self.refused = why, refused
            case HubsOpened():
                self._say(Checkpoint.CONNECTED, "both hubs are open")
                if self._was_open:
                    self.counts.add(metrics.HUB_RECONNECTS)
                self._was_open = True
            case HubsLost():
                self.counts.add(metrics.HUB_LOSSES)
            case _:
                pass


class Sample:
    """Hub events in words: the first one, then their numbers once a minute."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints
        self._counts: Counter[str] = Counter()
        self._next: float | None = None

    def take(self, event: str) -> None:
        """Count an event."""
        if self._next is None:
            self._next = time.monotonic() + SAMPLE_S
            self._checkpoints.say(Checkpoint.EVENT_RECEIVED, f"first event: {event}")
        self._counts[event] += 1

    def speak(self) -> None:
        """Say what came, when it is time."""
        now = time.monotonic()
        if self._next is None or now < self._next or not self._counts:
            return
        parts = ", ".join(f"{count} {event}" for event, count in self._counts.most_common())
        text = f"{self._counts.total()} events since last said: {parts}"
        self._checkpoints.say(Checkpoint.EVENT_RECEIVED, text)
        self._counts.clear()
        self._next = now + SAMPLE_S

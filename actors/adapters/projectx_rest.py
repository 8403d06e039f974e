"""The SDK's REST client, made to answer at once, once, and for many accounts.

Theory: what a desk needs of REST is one request per call, an answer or an error within the
timeout, and a login that heals by itself.  The SDK retries reads with sleeps, sleeps a minute on
429, holds a lock while it waits for its own limiter, and replaces a revoked token only when the
local clock agrees.  The overrides below take each of these away; sending, headers and errors stay
the SDK's.

Nothing here waits for a lock: accounts share the connection pool, the token and the meter, and a
call that hangs delays nobody.  Only a login is shared, and all who need one wait for the same.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from functools import partial
from typing import Any

from project_x_py import ProjectX, ProjectXConfig
from project_x_py.client.http import MUTATING_ENDPOINTS

from actors.adapters.projectx_answers import GatewayError, Withheld, accepted, masked
from actors.adapters.projectx_tamed import REQUESTS_PER_MINUTE, WINDOW_NS, Meter, hush, spare
from actors.adapters.projectx_token import expiry
from actors.adapters.projectx_wire import client, watch
from actors.adapters.tasks import retrieve
from actors.adapters.turns import Turns
from actors.adapters.wire_figures import WireFigures
from actors.model.budget import judgeable
from protocol.answers import RESERVED

LOGINS_PER_MINUTE_MAX = 6
"""Against a token that is refused as soon as it is given: a fight that only costs requests."""
TOKEN_SECONDS_DEFAULT = 23 * 3600.0
RENEW_EARLY_SECONDS = 600.0
CLOSE_SECONDS = 0.4
CLOSED = "the connection is closed"
ASKED = "riskwarden.asked"
DEED: ContextVar[object] = ContextVar("deed", default=None)
"""What a request is of: the SDK has each begin in a task of its own."""


class Rest(ProjectX):
    """One login's REST calls."""

    def __init__(
        self,
        *,
        username: str,
        api_key: str,
        config: ProjectXConfig,
        mono: Callable[[], int],
        timeout_seconds: float,
        figures: WireFigures | None = None,
    ) -> None:
        super().__init__(username, api_key, config)
        hush()
        spare()
        self.meter = Meter(mono)
        self.rate_limiter = self.meter
        self.turns = Turns(mono, self.meter.claimed)
        self.figures = figures or WireFigures()
        self.figures.budget = REQUESTS_PER_MINUTE
        self.renew_at = 0.0
        self._mono = mono
        self._timeout = timeout_seconds
        self._rejected: str | None = None
        self._login: asyncio.Task[None] | None = None
        self._logins: deque[int] = deque(maxlen=LOGINS_PER_MINUTE_MAX)
        self._in_flight: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def send(self, endpoint: str, body: dict[str, object], *, urgent: bool = False) -> object:
        """Send one request within the timeout and return what came back, whatever it is.

        A deed and an urgent read ask neither the budget nor how often we have logged in.
        """
        path = f"/{endpoint}"
        mutating = path in MUTATING_ENDPOINTS
        if mutating or urgent:
            self._logins.clear()
        else:
            self.afford(1)
        try:
            with self._while_open(), self._leaving() if mutating else nullcontext():
                async with asyncio.timeout(self._timeout):
                    await self._ensure_authenticated()
                    return await self._make_request("POST", path, data=body)
        except TimeoutError:
            raise GatewayError(f"{endpoint}: no answer in time") from None
        finally:
            if (
                mutating and self._is_rejected() and not self._closed
            ):  # so that the next attempt finds a new token
                self._start_login()

    @contextmanager
    def _leaving(self) -> Generator[None]:
        """Have it known that a deed is not on its socket yet."""
        deed = object()
        self.figures.leaving.add(deed)
        before = DEED.set(deed)
        try:
            yield
        finally:
            DEED.reset(before)
            self.figures.leaving.discard(deed)

    def afford(self, requests: int) -> None:
        """Raise if the minute has fewer left for what is not enforcement's: none of it leaves."""
        if judgeable(self.meter.spent()) < requests:
            raise Withheld(RESERVED)

    def why(self, error: BaseException) -> str:
        """Say what went wrong, without the user name, the key or a token."""
        known = isinstance(error, GatewayError)
        return self.mask(str(error) if known else f"{type(error).__name__}: {error}")

    def mask(self, text: str) -> str:
        """Take the user name, the key and every token out of a text."""
        return masked(text, self.api_key, self.username)

    async def _make_request(  # noqa: PLR0917  (the SDK's own signature)
        self,
        method: str,
        endpoint: str,
        data: dict[str, Any] | None = None,
        params: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        retry_count: int = 0,
    ) -> dict[str, Any] | list[Any]:
        """Send once: who asks decides whether to ask again."""
        sdk: Any = self  # whose methods are typed for a protocol that its own client does not meet
        answer: dict[str, Any] | list[Any] = await sdk._execute_http_request(  # noqa: SLF001
            method, endpoint, data, params, headers, retry_count
        )
        return answer

    async def _create_client(self) -> Any:
        """Build the client that the SDK uses, and watch requests leave and answers come."""
        made = client(self._timeout)
        made.event_hooks = {"request": [self._leaves], "response": [self._came]}
        return made

    async def _leaves(self, request: Any) -> None:
        if self._closed:  # since it was asked for
            raise GatewayError(CLOSED)
        sent = partial(self.figures.leaving.discard, DEED.get())
        request.extensions |= {"trace": partial(watch, sent), ASKED: self._mono()}
        self.figures.requests += 1
        task = asyncio.current_task()
        if task is not None:
            self._in_flight.add(task)
            task.add_done_callback(self._in_flight.discard)

    async def _came(self, response: Any) -> None:
        date, asked = response.headers.get("Date"), response.request.extensions[ASKED]
        self.figures.answered(response.status_code, date, time.time(), self._mono(), asked)
        if response.status_code == 401:  # noqa: PLR2004  (HTTP's own number)
            self.reject(response.request.headers.get("Authorization", "").removeprefix("Bearer "))

    # The token: one for all accounts, renewed before its time or when the Gateway refuses it.

    def reject(self, token: str) -> None:
        """Note that the Gateway takes a token no more; an older one is no news."""
        if token and token == self.session_token:
            self._rejected = token

    def _is_rejected(self) -> bool:
        return bool(self.session_token) and self._rejected == self.session_token

    def _should_refresh_token(self) -> bool:
        return not self.session_token or self._is_rejected() or time.time() >= self.renew_at

    async def _ensure_authenticated(self) -> None:
        if self._should_refresh_token():
            with self.meter.waits():
                await asyncio.shield(self._start_login())

    async def _refresh_authentication(self) -> None:
        """Replace a refused token whatever the clock says, unless somebody already has."""
        await self._ensure_authenticated()

    async def token(self) -> str:
        """Return a token that is good for a while."""
        with self._while_open():
            await self._ensure_authenticated()
        return self.session_token

    async def log_in(self) -> None:
        """Log in anew, whatever there is."""
        self._logins.clear()
        with self._while_open():
            await asyncio.shield(self._start_login())

    @contextmanager
    def _while_open(self) -> Generator[None]:
        """Turn what `close` cancels under a caller into an error: the caller itself lives on."""
        if self._closed:
            raise GatewayError(CLOSED)
        try:
            yield
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closed and task is not None and not task.cancelling():
                raise GatewayError(CLOSED) from None
            raise

    def _start_login(self) -> asyncio.Task[None]:
        """Return the login under way, or start one."""
        if self._login is None or self._login.done():
            self._login = asyncio.create_task(self.authenticate(), name="login")
            self._login.add_done_callback(retrieve)
        return self._login

    async def authenticate(self) -> None:
        """Trade the key for a token; the SDK's own would also choose an account, or fail."""
        full = len(self._logins) == LOGINS_PER_MINUTE_MAX
        if full and self._mono() - self._logins[0] < WINDOW_NS:
            raise GatewayError("too many logins in a minute")
        body = {"userName": self.username, "apiKey": self.api_key}
        try:
            async with asyncio.timeout(self._timeout):
                answer: object = await self._make_request("POST", "/Auth/loginKey", data=body)
        except TimeoutError:
            raise GatewayError("Auth/loginKey: no answer in time") from None
        self._logins.append(self._mono())
        token = accepted("Auth/loginKey", answer).get("token")
        if not isinstance(token, str) or not token:
            raise GatewayError("Auth/loginKey: an answer without a token")
        self._take(token)

    def _take(self, token: str) -> None:
        """Use a token, and plan to renew it: early, but never before half its life."""
        now = time.time()
        end = expiry(token)
        left = TOKEN_SECONDS_DEFAULT if end is None else end - now
        if left <= 0:  # a clock is wrong, ours or theirs: the Gateway's 401 will tell
            left = TOKEN_SECONDS_DEFAULT
        self.renew_at = now + max(left - RENEW_EARLY_SECONDS, left / 2)
        self.session_token, self._rejected, self._authenticated = token, None, True

    def is_past(self, renew_at: float) -> bool:
        """Say whether the time to renew a token has come."""
        return time.time() >= renew_at

    async def close(self) -> None:
        """Give up whatever is in flight."""
        self._closed = True
        tasks = set(self._in_flight)
        if self._login is not None and not self._login.done():
            tasks.add(self._login)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_SECONDS)
        client, self._client = self._client, None
        if client is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await client.aclose()

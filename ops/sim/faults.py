"""Throw switches, line up REST faults, and hurt connections and tokens."""

import asyncio
from typing import Any, Literal

import msgspec

from ops.sim.calls import RateLimit
from ops.sim.peers import Hub, Peer, frame, invocation
from ops.sim.rest_faults import RestFault, RestFaults
from ops.sim.switches import HubName, Switches, changed
from ops.sim.tokens import Tokens

Which = Literal["user", "market", "both"]
Manner = Literal["reset", "close", "close_with_error"]


def names(which: Which) -> tuple[HubName, ...]:
    """Return the hubs meant."""
    return ("user", "market") if which == "both" else (which,)


class Faults:
    """The one hand on everything that can go wrong."""

    def __init__(
        self,
        switches: Switches,
        hubs: dict[HubName, Hub],
        tokens: Tokens,
        limit: RateLimit,
        thawed: asyncio.Event,
    ) -> None:
        self.switches = switches
        self.rest_faults = RestFaults()
        self.thawed = thawed
        self.thawed.set()
        self._defaults = msgspec.structs.asdict(switches)
        self._hubs = hubs
        self._tokens = tokens
        self._limit = limit
        self._reverts: list[asyncio.TimerHandle] = []

    def set(self, *, seconds: float | None = None, **changes: Any) -> None:
        """Throw switches, for good or for some seconds."""
        unknown = set(changes) - set(Switches.__struct_fields__)
        if unknown:
            raise ValueError(f"no such switch: {', '.join(sorted(unknown))}")
        before = {name: getattr(self.switches, name) for name in changes}
        self._apply(changed(changes))
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._reverts.append(loop.call_later(seconds, self._apply, before))

    def _apply(self, values: dict[str, object]) -> None:
        for name, value in values.items():
            setattr(self.switches, name, value)
        frozen = self.switches.frozen
        if frozen:
            self.thawed.clear()
        else:
            self.thawed.set()
        for hub in self._hubs.values():
            stopped = frozen or hub.name in self.switches.half_open_hubs
            for peer in hub.peers:
                if stopped:
                    peer.pause()
                else:
                    peer.resume()

    def rest(self, fault: RestFault | None = None, **fields: Any) -> RestFault:
        """Line up a fault of REST calls."""
        fault = msgspec.convert(fields, RestFault) if fault is None else fault
        self.rest_faults.add(fault)
        return fault

    def clear(self) -> None:
        """Put every switch back to where the scenario had it and forget all REST faults."""
        for timer in self._reverts:
            timer.cancel()
        self._reverts.clear()
        self.rest_faults.clear()
        self._limit.clear()
        fresh = msgspec.convert(self._defaults, Switches)
        self._apply(msgspec.structs.asdict(fresh))

    def drop(self, which: Which = "both", manner: Manner = "reset") -> int:
        """End connections: by a reset, a plain close, or a close message with an error."""
        victims = self._peers(which)
        for peer in victims:
            if manner == "reset":
                peer.abort()
                continue
            error = {"error": "Server shutting down"} if manner == "close_with_error" else {}
            peer.send(frame({"type": 7, **error, "allowReconnect": True}))
            peer.send(None)
        return len(victims)

    def log_out(self, which: Which = "both") -> int:
        """Tell clients that their session was kicked."""
        peers = self._peers(which)
        for peer in peers:
            peer.send(invocation("GatewayLogout", {"reason": "Logged in elsewhere"}))
        return len(peers)

    def _peers(self, which: Which) -> list[Peer]:
        return [peer for name in names(which) for peer in self._hubs[name].peers]

    def revoke_tokens(self) -> int:
        """Revoke every token given out so far."""
        return self._tokens.revoke()

    def expire_tokens(self) -> int:
        """Let every token given out so far be past its time."""
        return self._tokens.expire()

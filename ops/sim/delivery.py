"""Deliver the exchange's messages: shaped, ordered, delayed, repeated, lost, as switched."""

import asyncio
from collections.abc import Callable
from random import Random

from ops.sim.model import Data, Event
from ops.sim.peers import Hub, invocation
from ops.sim.render import stamp
from ops.sim.switches import HubName, Stream, Switches

STREAM_OF: dict[str, Stream] = {
    "GatewayUserOrder": "order",
    "GatewayUserTrade": "trade",
    "GatewayUserPosition": "position",
    "GatewayUserAccount": "account",
    "GatewayQuote": "quote",
    "GatewayTrade": "market_trade",
    "GatewayDepth": "depth",
}
ID_FIELDS = frozenset({"id", "accountId", "orderId", "parentOrderId", "linkedOrderId"})


class Delivery:
    """Between the exchange and the hubs."""

    def __init__(
        self,
        switches: Switches,
        hubs: dict[HubName, Hub],
        random: Random,
    ) -> None:
        self.switches = switches
        self.hubs = hubs
        self.random = random
        self.on_sent: Callable[[Event], None] | None = None
        """Told of each message as it is written: whoever measures reactions starts here."""
        self.in_flight: dict[int | str, int] = {}
        self.landed = asyncio.Event()

    def publish(self, events: list[Event]) -> None:
        """Deliver one action's messages."""
        for event in self._ordered(events):
            hub = self.hubs[event.hub]
            if not hub.wanted(event.target, event.key) or self._lost(STREAM_OF[event.target]):
                continue
            delay_ms = self.switches.delay_ms.get(STREAM_OF[event.target], 0)
            if delay_ms:
                self._later(event, delay_ms)
            else:
                self.send(event)

    def _ordered(self, events: list[Event]) -> list[Event]:
        streams = list(self.switches.order_of_streams)
        if self.switches.shuffle_streams:
            streams = ["order", "trade", "position", "account"]
            self.random.shuffle(streams)
        if not streams:
            return events
        rank = {stream: place for place, stream in enumerate(streams)}
        return sorted(events, key=lambda event: rank.get(STREAM_OF[event.target], len(rank)))

    def _lost(self, stream: Stream) -> bool:
        left = self.switches.lose.get(stream, 0)
        if not left:
            return False
        self.switches.lose[stream] = left - 1
        return True

    def _later(self, event: Event, delay_ms: float) -> None:
        self.in_flight[event.key] = self.in_flight.get(event.key, 0) + 1

        def land() -> None:
            self.in_flight[event.key] -= 1
            self.send(event)
            self.landed.set()

        asyncio.get_running_loop().call_later(delay_ms / 1000, land)

    async def quiet(self, key: int | str) -> None:
        """Wait until nothing delayed is under way to an account."""
        while self.in_flight.get(key):
            self.landed.clear()
            await self.landed.wait()

    def send(self, event: Event) -> None:
        """Write one message to everyone who subscribed to it."""
        hub = self.hubs[event.hub]
        if event.hub in self.switches.mute_hubs or event.hub in self.switches.half_open_hubs:
            return
        if event.hub == "user":
            text = invocation(event.target, self.user_payload(event))
        else:
            payload = self.market_payload(event)
            if payload is None:
                return
            text = invocation(event.target, event.key, payload)
        if self.on_sent is not None:
            self.on_sent(event)
        for _ in range(self.switches.copies):
            hub.broadcast(text, event.target, event.key)

    def user_payload(self, event: Event) -> Data:
        """Return a user message in the shape the switches ask for."""
        data = event.data
        if self.switches.string_ids:
            data = {
                name: str(value) if name in ID_FIELDS else value for name, value in data.items()
            }
        if self.switches.null_update_timestamp and "updateTimestamp" in data:
            data = data | {"updateTimestamp": None}
        return {"action": event.action, "data": data} if self.switches.wrapped else data

    def market_payload(self, event: Event) -> object:
        """Return a market message in the shape the switches ask for; None if there is none."""
        if event.target == "GatewayQuote":
            return None if self.switches.quotes_silent else self._quote(event)
        if event.target == "GatewayTrade" and self.switches.market_trade_as_list:
            return [event.data]
        return event.data

    def _quote(self, event: Event) -> Data:
        switches, data = self.switches, dict(event.data)
        if switches.quote_crossed:
            data["bestBid"], data["bestAsk"] = data["bestAsk"], data["bestBid"]
        if switches.quote_last == "zero":
            data["lastPrice"] = 0.0
        elif switches.quote_last == "missing":
            data.pop("lastPrice", None)
        if switches.quote_symbol == "bare":
            data["symbol"] = str(data["symbol"]).removeprefix("F.US.")
        if switches.quote_time_jitter_ms:
            early_ms = self.random.uniform(0, switches.quote_time_jitter_ms)
            data["timestamp"] = data["lastUpdated"] = stamp(event.at_ns - int(early_ms * 1e6))
        if switches.quote_fields is not None:
            kept = {"symbol", *switches.quote_fields}
            data = {name: value for name, value in data.items() if name in kept}
        return data

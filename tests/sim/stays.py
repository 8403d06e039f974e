"""What a cooldown lets stay, by the broker's own trades: of which position, and how much of it."""

from msgspec.structs import replace

from actors.model.average_price import signed
from actors.model.duration import duration
from protocol.account_facts import PositionSeen
from protocol.lockouts import Lock
from protocol.units import ContractId
from tests.sim.broker import Broker

COUNTED = "cool down for "
"""What a rule that counts its cooldown from a trade says last of it, followed by how long."""

type Stays = dict[ContractId, PositionSeen]


def stood(lock: Lock, held: Stays, broker: Broker) -> Stays:
    """Return what is held, less what was entered after the trade from which a cooldown counts."""
    if COUNTED not in lock.reason or lock.until is None:
        return held
    trigger = lock.until - duration(lock.reason.partition(COUNTED)[2])
    floors: dict[ContractId, int] = {}
    sizes: dict[ContractId, int] = {}
    for one in sorted(broker.trades.values(), key=lambda one: (one.at, one.trade_id)):
        key = one.contract_id
        sizes[key] = sizes.get(key, 0) + signed(one)
        before = sizes[key] if one.at <= trigger else floors.get(key, 0)
        floors[key] = nearer(before, sizes[key])
    return {
        one: replace(seen, size=nearer(floors.get(one, 0), seen.size)) for one, seen in held.items()
    }


def lowered(stays: Stays, held: Stays) -> Stays:
    """Return what may stay after an exit: what has gone does not come back."""
    return {one: replace(seen, size=stay(stays, held.get(one))) for one, seen in stays.items()}


def stay(stays: Stays, held: PositionSeen | None) -> int:
    """Return how much may stay of what is held: of another position, or turned around, nothing."""
    allowed = None if held is None else stays.get(held.contract_id)
    if held is None or allowed is None or allowed.position_id != held.position_id:
        return 0
    return nearer(allowed.size, held.size)


def nearer(one: int, other: int) -> int:
    """Return the smaller of two sizes, 0 if they are on different sides."""
    return min(one, other, key=abs) if one * other > 0 else 0

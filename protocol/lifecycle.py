"""The lives of actors: who died, who starts, who is ready."""

from enum import StrEnum

from protocol.account_facts import AccountSeen
from protocol.lockouts import CertifyLock, EndLock, SetLock
from protocol.message import Message
from protocol.schedule import CancelTimer, ResetDue, StartTimer
from protocol.units import AccountId

type Wish = StartTimer | CancelTimer | SetLock | EndLock | CertifyLock | ResetDue
"""What a child is asked or told once: nobody would ask again because it has died."""
WISHES = (StartTimer, CancelTimer, SetLock, EndLock, CertifyLock, ResetDue)


class Died(Message, frozen=True, kw_only=True):
    """To the parent: a child is gone.  `why` is the error, or "stopped"."""

    name: str
    why: str
    unheard: tuple[Wish, ...] = ()
    """Wishes that it died of, or before it heard them."""


class Began(Message, frozen=True, kw_only=True):
    """An account's tree starts: by which plan, and from which kept states.

    It is what a replay starts from: with it, and with what entered afterwards, no other file is
    needed.  The plan and the states are bytes as written by the release that is named.
    """

    release: str
    plan: bytes
    kept: dict[str, bytes]
    """By actor path."""


class Snapshot(Message, frozen=True, kw_only=True):
    """Everything that an account's actors know as a turn ends: a replay may start here too."""

    release: str
    plan: bytes
    """The plan that the present life of the desk began with."""
    kept: dict[str, bytes]
    states: dict[str, bytes]
    """By actor path, parents first."""
    shared: bool
    """Whether the enforcer looks at the very view that the account has."""


class Failed(Message, frozen=True, kw_only=True):
    """An actor failed on what it was hearing, and nothing of that step counts."""

    why: str


class AccountFound(Message, frozen=True, kw_only=True):
    """The Gateway lists the account: its truth is read when its turn comes (`Resync`)."""

    seen: AccountSeen


class Resync(Message, frozen=True, kw_only=True):
    """Read the truth again: after a gap, in which events were missed, or as a matter of course."""

    gap: bool
    trades: bool = True


class Evaluated(Message, frozen=True, kw_only=True):
    """From an account to the gateway: truth is read and every rule has judged it."""

    account_id: AccountId


class Burden(Message, frozen=True, kw_only=True):
    """From an account to the gateway: what is at stake there.

    Flattening it now would take so many requests, and a lock may be in force that must hold.
    """

    account_id: AccountId
    requests: int
    locked: bool = False


class Arm(Message, frozen=True, kw_only=True):
    """To an account: the hubs are open and the gap before them is read; from here on it counts."""


class MarketRestarted(Message, frozen=True, kw_only=True):
    """To every account: the market's memory is gone; watch and rest triggers again."""


class Phase(StrEnum):
    """How far an account has come on its way to armed."""

    STARTING = "starting"
    READING = "reading"
    EVALUATED = "evaluated"
    ARMED = "armed"

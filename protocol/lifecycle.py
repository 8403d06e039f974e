"""The lives of actors: who died, who starts, who is ready."""

from enum import StrEnum

from protocol.account_facts import AccountSeen
from protocol.message import Message
from protocol.units import AccountId, RuleName


class Died(Message, frozen=True, kw_only=True):
    """To the parent: a child is gone.  `why` is the error, or "stopped"."""

    name: str
    why: str


class Start(Message, frozen=True, kw_only=True):
    """From the desk to its root: stand up."""


class AccountFound(Message, frozen=True, kw_only=True):
    """The Gateway lists the account: read its truth and stand up its rules."""

    seen: AccountSeen


class Resync(Message, frozen=True, kw_only=True):
    """Events were missed, or may have been: read the truth again."""

    why: str
    trades: bool = True


class Evaluated(Message, frozen=True, kw_only=True):
    """From an account to the gateway: truth is read and every rule has judged it."""

    account_id: AccountId
    command_id: str


class Arm(Message, frozen=True, kw_only=True):
    """To an account: the hubs are open and the gap before them is read; from here on it counts."""


class Escalated(Message, frozen=True, kw_only=True):
    """To the supervisor: an account's tree will not stand; lock it and tell someone."""

    account_id: AccountId
    child: str
    why: str


class Phase(StrEnum):
    """How far an account has come on its way to armed."""

    STARTING = "starting"
    READING = "reading"
    EVALUATED = "evaluated"
    ARMED = "armed"


class Trouble(Message, frozen=True, kw_only=True):
    """To an account: its child rule gave up; fail closed."""

    rule: RuleName
    why: str

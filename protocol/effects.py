"""What a behaviour may ask of the shell that runs it: the whole list."""

import msgspec

from protocol.commands import Mutation, Read
from protocol.decisions import Decision
from protocol.message import Message
from protocol.units import Nanos

PARENT = "parent"


class Send(msgspec.Struct, frozen=True):
    """Put a message in the mailbox of the actor with this name; delivered within the step.

    A bare name (`enforcer`, `rule/max_contracts`) is looked up in the sender's account first,
    then in the desk (`gateway`, `market_data`, `account/1001`).
    """

    to: str
    message: Message


class Perform(msgspec.Struct, frozen=True):
    """Ask the Gateway for a mutation, once this step is committed."""

    command: Mutation


class Ask(msgspec.Struct, frozen=True):
    """Ask the Gateway for a read, once this step is committed."""

    command: Read


class Journal(msgspec.Struct, frozen=True):
    """Write a decision down; logs, status and notifications read it from there."""

    decision: Decision


class Wake(msgspec.Struct, frozen=True):
    """Send my account a tick when the later of these instants, where given, has come."""

    wall: Nanos | None = None
    mono: Nanos | None = None


class Spawn(msgspec.Struct, frozen=True):
    """Start a child; it has begun before any later message reaches it."""

    name: str


class Stop(msgspec.Struct, frozen=True):
    """End a child and its children."""

    name: str


type Harmless = Send | Ask | Journal | Wake | Spawn | Stop
"""Every effect that cannot touch a position or an order."""

type Effect = Harmless | Perform

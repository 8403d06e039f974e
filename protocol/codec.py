"""Bytes for the journal: a tagged union of every message there is, under one schema number.

A reader that meets an unknown tag reports it and keeps the bytes; it never guesses.
"""

from typing import TYPE_CHECKING, Literal, Union

import msgspec

from protocol import (
    account_facts,
    answers,
    commands,
    decisions,
    enforcement,
    lifecycle,
    lockouts,
    market_facts,
    schedule,
    settings,
)
from protocol.message import Message
from protocol.units import Now

SCHEMA = 2
"""1: records without their turn and place, commands and starts; 2: all that a replay needs."""

MODULES = (
    account_facts,
    answers,
    commands,
    decisions,
    enforcement,
    lifecycle,
    lockouts,
    market_facts,
    schedule,
    settings,
)

MESSAGES: tuple[type[Message], ...] = tuple(
    kind
    for module in MODULES
    for _, kind in sorted(vars(module).items())
    if isinstance(kind, type) and issubclass(kind, Message) and kind.__module__ == module.__name__
)

if TYPE_CHECKING:
    type AnyMessage = Message
else:
    AnyMessage = Union[MESSAGES]  # noqa: UP007  (built from a list)


class Recorded(msgspec.Struct, frozen=True, array_like=True):
    """One journal record: when, to which actor of the account, and what.

    `entered` is True for a message that came into the account from outside (and for a failure),
    False for a decision or a command made inside it.  Replaying what entered, with its times and
    at its place, repeats the decisions and the commands.
    """

    now: Now
    actor: str
    entered: bool
    message: AnyMessage
    turn: int = 0
    """Counts the account's turns from 1 in each life of a desk; 0 is an older release's."""
    place: int = 0
    """How many messages the account's actors had heard in this turn before."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Recorded)


def encode(record: Recorded) -> bytes:
    """Return a record's bytes."""
    return _encoder.encode(record)


def decode(raw: bytes | memoryview) -> Recorded:
    """Return the record in these bytes; raise msgspec.MsgspecError if they are none of ours."""
    with _understood:
        record: Recorded = _decoder.decode(raw)
    return record


def encode_state(state: object) -> bytes:
    """Return the bytes of an actor's kept state."""
    return _encoder.encode(state)


def decode_state[S](raw: bytes | memoryview, shape: type[S]) -> S:
    """Return an actor's kept state, checked against its shape; raise msgspec.MsgspecError."""
    with _understood:
        return msgspec.msgpack.decode(raw, type=shape)


def decode_json[S](raw: bytes, shape: type[S]) -> S:
    """Return what this JSON says, checked against its shape; raise msgspec.MsgspecError."""
    with _understood:
        return msgspec.json.decode(raw, type=shape)


class _Understood:
    """Turns what else a decoder raises, such as for text that is not UTF-8, into its own error."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> Literal[False]:
        """Say in one way that bytes are not understood."""
        if isinstance(error, FOREIGN):
            raise msgspec.DecodeError(f"{type(error).__name__}: {error}") from error
        return False


FOREIGN = (ValueError, TypeError, ArithmeticError, AssertionError, RecursionError)
_understood = _Understood()

"""The root of every message that crosses a mailbox or reaches the disk."""

import msgspec


class Message(msgspec.Struct, frozen=True, tag_field="message", tag=True):
    """An immutable fact or command; its wire tag is its class name.

    Subclasses repeat `frozen=True, kw_only=True`: msgspec does not inherit the second, and type
    checkers want to see both.  Unknown fields are ignored, so that an older reader can read a
    newer journal; a field is only ever added with a default.
    """

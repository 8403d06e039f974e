"""The [notify] table: who is told what, and how often somebody far away hears that all is well."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from actors.model.duration import duration
from config.errors import Invalid
from config.secret_ref import SecretRef
from protocol.units import SECOND

SHARE_MAX = 99
HEARTBEAT_MIN, HEARTBEAT_MAX = 10 * SECOND, 86_400 * SECOND


class NotifyEvent(StrEnum):
    """What a person can be told of."""

    LOCK = "lock"
    LOCK_ENDED = "lock_ended"
    ENFORCEMENT_FAILED = "enforcement_failed"
    CANNOT_ENFORCE = "cannot_enforce"
    BLIND = "blind"
    DESK = "desk"
    WARNING = "warning"
    ALARM = "alarm"
    DAY = "day"


class HeartbeatMethod(StrEnum):
    """How a dead-man monitor wants to be called."""

    GET = "get"
    POST = "post"


class NotifyConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told what happens, beside the screen; a change takes a restart."""

    urls: Annotated[
        tuple[SecretRef, ...],
        Meta(
            description="Where notices go: places of apprise URLs (Discord, Telegram, e-mail, "
            "webhooks and more), for they are secrets. Needs the extra riskwarden[notify]."
        ),
    ] = ()
    events: Annotated[
        tuple[NotifyEvent, ...],
        Meta(
            description="What is told: lock, lock_ended, enforcement_failed, cannot_enforce, "
            "blind, desk (it died and was started again), warning (a share of a limit is "
            "used), alarm (any other), day (a summary at the reset). All by default."
        ),
    ] = tuple(NotifyEvent)
    shares: Annotated[
        tuple[int, ...],
        Meta(
            description="Percentages of a limit in money, contracts or trades, 1 to 99, at which "
            "to warn: each once a day for each rule, and for each part of a rule that has several."
        ),
    ] = (75, 90)
    heartbeat_url: Annotated[
        SecretRef | None,
        Meta(
            description="Where the address of a dead-man monitor stands. It is called only while "
            "every account is armed, and raises the alarm when the calls stop. Off by default."
        ),
    ] = None
    heartbeat_every: Annotated[
        str,
        Meta(description="How often the monitor is called, 10 seconds to a day."),
    ] = "60s"
    heartbeat_method: Annotated[HeartbeatMethod, Meta(description="How the monitor is called.")] = (
        HeartbeatMethod.GET
    )

    def __post_init__(self) -> None:
        for share in self.shares:
            if not 1 <= share <= SHARE_MAX:
                raise Invalid("shares", f"{share} is not 1 to {SHARE_MAX}", mend="[75, 90]")
        try:
            every = duration(self.heartbeat_every)
        except ValueError as error:
            raise Invalid("heartbeat_every", str(error), mend='for example "60s"') from None
        if not HEARTBEAT_MIN <= every <= HEARTBEAT_MAX:
            what = f"{self.heartbeat_every} is not 10 seconds to a day"
            raise Invalid("heartbeat_every", what, mend='for example "60s"')

    @property
    def heartbeat_s(self) -> float:
        """Return the seconds between two calls of the monitor."""
        return duration(self.heartbeat_every) / SECOND

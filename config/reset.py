"""Where the reset schedule comes from until the model has one."""

from zoneinfo import ZoneInfo

import msgspec
from croniter import croniter


class ResetSchedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a trading day ends: a cron expression in a time zone."""

    at: str = "0 17 * * *"
    zone: str = "America/Chicago"

    def __post_init__(self) -> None:
        if not croniter.is_valid(self.at):
            raise ValueError(f"at: {self.at!r} is no cron expression")
        ZoneInfo(self.zone)

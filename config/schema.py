"""The configuration as it stands in memory: one struct per table, and nothing optional twice.

A struct judges what it alone can judge and raises `Invalid`; what needs two tables is judged by
`config.check`.  Descriptions are the reference documentation: they are written for operators.
"""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from actors.model.feed import FeedPolicy
from actors.model.schedule import ResetSchedule
from actors.rules.rule import Mode, RuleParams
from config.addresses import judge_collector, judge_url, split_http
from config.errors import Invalid
from config.notify import NotifyConfig
from config.secret_ref import SecretRef
from protocol.market_facts import MarkSource
from protocol.units import RuleName

API_URL = "https://api.topstepx.com/api"
USER_HUB_URL = "https://rtc.topstepx.com/hubs/user"
MARKET_HUB_URL = "https://rtc.topstepx.com/hubs/market"
LOGIN_NAME = r"^[A-Za-z0-9_-]{1,32}$"
KEEP_DAYS_MAX = 3_650
MB_MIN = 16
"""Megabytes; less than a day of a busy account would help nobody."""
ACCOUNT_ID_MAX = 2**53 - 1


class Service(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The process itself: where it keeps its data, and where it answers."""

    data_dir: Annotated[
        Path,
        Meta(
            description="Folder of the database, relative to the configuration file's folder. "
            "Locks and timers live here: keep it on a local disk and back it up."
        ),
    ] = Path("var")
    http: Annotated[
        str,
        Meta(
            description="Address and port of the status page and the API, on this machine only. "
            "Port 0 takes a free one."
        ),
    ] = "127.0.0.1:8484"
    otlp: Annotated[
        str | None,
        Meta(
            description="Where traces go: the address of an OpenTelemetry collector that takes "
            'OTLP over HTTP, such as "http://127.0.0.1:4318". Off by default.'
        ),
    ] = None

    def __post_init__(self) -> None:
        if not self.data_dir.parts or not str(self.data_dir).isprintable():
            raise Invalid("data_dir", "is not a folder's name", mend='for example "var"')
        if self.data_dir.parts[0].startswith("~"):
            raise Invalid("data_dir", "~ is not expanded", mend="write the whole path")
        split_http(self.http)
        if self.otlp is not None:
            judge_collector("otlp", self.otlp)

    @property
    def http_host(self) -> str:
        """Return the host to bind to."""
        return split_http(self.http)[0]

    @property
    def http_port(self) -> int:
        """Return the port to bind to; 0 means any free one."""
        return split_http(self.http)[1]


class JournalConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is kept of what happened to each account; locks and timers are never cut."""

    keep_days: Annotated[
        int,
        Meta(
            description="Days after which records may go, 1 to 3650. A change takes effect at the "
            "next start."
        ),
    ] = 90
    max_mb: Annotated[
        int,
        Meta(
            description="Megabytes that one account's journal may grow to, at least 16; beyond it "
            "the oldest records go, whatever their age."
        ),
    ] = 512

    def __post_init__(self) -> None:
        if not 1 <= self.keep_days <= KEEP_DAYS_MAX:
            raise Invalid("keep_days", f"{self.keep_days} is not 1 to 3650", mend="for example 90")
        if self.max_mb < MB_MIN:
            raise Invalid("max_mb", f"{self.max_mb} is too little", mend=f"at least {MB_MIN}")


class LoginConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A login at the broker; the accounts that refer to it are guarded through it."""

    name: Annotated[
        str,
        Meta(
            pattern=LOGIN_NAME,
            description="Your own word for it, which accounts refer to: at most 32 letters, "
            "digits, - and _.",
        ),
    ]
    username: Annotated[
        SecretRef, Meta(description="Where the ProjectX user name stands (not the name itself).")
    ]
    api_key: Annotated[
        SecretRef, Meta(description="Where the ProjectX API key stands (not the key itself).")
    ]
    api_url: Annotated[str, Meta(description="The Gateway's REST address.")] = API_URL
    user_hub_url: Annotated[str, Meta(description="The hub of accounts, orders and trades.")] = (
        USER_HUB_URL
    )
    market_hub_url: Annotated[str, Meta(description="The hub of quotes.")] = MARKET_HUB_URL

    def __post_init__(self) -> None:
        for key in ("api_url", "user_hub_url", "market_hub_url"):
            judge_url(key, getattr(self, key))


class AccountConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A guarded account and its rules; named by exactly one of `id` and `name`."""

    login: Annotated[str, Meta(description="The name of the [[logins]] table that reaches it.")]
    id: Annotated[
        int | None,
        Meta(description="The account's number at the broker. Either this or `name`."),
    ] = None
    name: Annotated[
        str | None,
        Meta(description="The account's name as the broker spells it. Either this or `id`."),
    ] = None
    mode: Annotated[
        Mode,
        Meta(description="enforce acts; shadow only journals what it would have done."),
    ] = Mode.ENFORCE
    mark: Annotated[
        MarkSource,
        Meta(
            description="The price that values open positions: the last trade, the middle of bid "
            "and ask, or the side one would exit at."
        ),
    ] = MarkSource.LAST
    include_fees: Annotated[
        bool, Meta(description="Whether fees and commissions count towards realized P&L.")
    ] = True
    reset: Annotated[
        ResetSchedule,
        Meta(description="When the trading day ends and the next begins."),
    ] = ResetSchedule(at="0 17 * * *", zone="America/Chicago")
    feed: Annotated[
        FeedPolicy,
        Meta(description="How old prices and truth may be, and what to do when they are older."),
    ] = FeedPolicy()
    rules: Annotated[
        dict[RuleName, RuleParams],
        Meta(
            description="The rules to enforce, one table each: [accounts.rules.NAME]. An account "
            "without rules is not guarded, and is refused."
        ),
    ]

    def __post_init__(self) -> None:
        if self.id is not None and not 1 <= self.id <= ACCOUNT_ID_MAX:
            raise Invalid("id", f"{self.id} is no account's number", mend="for example id = 1001")
        if self.name is not None and (not self.name.strip() or not self.name.isprintable()):
            raise Invalid("name", "is not a name", mend="copy it from the broker's account list")

    @property
    def label(self) -> str:
        """Return what people call the account: its number, or its name in quotes."""
        return str(self.id) if self.id is not None else f'"{self.name}"'

    def mode_of(self, rule: RuleName) -> Mode:
        """Return a rule's mode here: in shadow if either the account or the rule is."""
        return Mode.SHADOW if self.mode is Mode.SHADOW else self.rules[rule].mode


class ServiceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole configuration file."""

    service: Annotated[Service, Meta(description="The process itself.")] = Service()
    journal: Annotated[
        JournalConfig, Meta(description="How much is kept of what happened: [journal].")
    ] = JournalConfig()
    notify: Annotated[NotifyConfig, Meta(description="Who is told what happens: [notify].")] = (
        NotifyConfig()
    )
    logins: Annotated[
        tuple[LoginConfig, ...], Meta(description="The logins at the broker: [[logins]].")
    ]
    accounts: Annotated[
        tuple[AccountConfig, ...], Meta(description="The guarded accounts: [[accounts]].")
    ]

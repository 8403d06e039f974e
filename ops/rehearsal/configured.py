"""The service of a rehearsal, on a configuration that is written for the occasion."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from config.schema import LoginConfig
from config.secret_ref import SecretRef, SecretSource
from config.secrets import Credentials, Secret
from ops.rehearsal.service import KEY, USER, Service
from ops.sim.server import SimServer

HEAD = f"""\
[service]
data_dir = "var"
http = "127.0.0.1:0"
{{more}}
[[logins]]
name = "{{login.name}}"
username = "env:{USER}"
api_key = "env:{KEY}"
api_url = "{{login.api_url}}"
user_hub_url = "{{login.user_hub_url}}"
market_hub_url = "{{login.market_hub_url}}"
"""
ACCOUNT = """
[[accounts]]
login = "{login.name}"
id = {account}
reset = {{ at = "{at.minute} {at.hour} * * *", zone = "UTC" }}
{rules}"""


class Guarded(NamedTuple):
    """An account, when its day ends, and its rules as a configuration writes them."""

    account: int
    reset: datetime
    rules: str


def configured(
    folder: Path,
    login: LoginConfig,
    secrets: Credentials,
    accounts: Iterable[Guarded],
    *,
    more: str = "",
    options: Sequence[str] = (),
) -> Service:
    """Return the service for accounts of one login; `more` are lines of [service]."""
    tables = [
        ACCOUNT.format(login=login, account=one.account, at=one.reset, rules=one.rules)
        for one in accounts
    ]
    file = folder / "riskwarden.toml"
    file.write_text(HEAD.format(login=login, more=more) + "".join(tables), encoding="utf-8")
    revealed = secrets.username.reveal(), secrets.api_key.reveal()
    return Service(file, folder / "var", secrets=revealed, options=options)


def simulated(
    folder: Path,
    sim: SimServer,
    accounts: Iterable[int],
    rules: Callable[[int], str],
    *,
    reset: Callable[[int], datetime] | None = None,
    options: Sequence[str] = (),
) -> Service:
    """Return the service for simulated accounts; without a `reset` none falls into it."""
    login, secrets = at(sim, "demo")
    far = datetime.now(UTC) + timedelta(hours=12)
    guarded = [Guarded(one, far if reset is None else reset(one), rules(one)) for one in accounts]
    return configured(folder, login, secrets, guarded, options=options)


def at(sim: SimServer, name: str) -> tuple[LoginConfig, Credentials]:
    """Return a login of this name at a simulated Gateway, and its secrets."""
    login = LoginConfig(
        name=name,
        username=SecretRef(SecretSource.ENV, USER),
        api_key=SecretRef(SecretSource.ENV, KEY),
        api_url=sim.api_url,
        user_hub_url=sim.user_hub_url,
        market_hub_url=sim.market_hub_url,
    )
    scenario = sim.world.scenario
    return login, Credentials(Secret(scenario.user), Secret(scenario.api_key))

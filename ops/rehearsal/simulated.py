"""The configuration of a service that guards accounts of the simulated Gateway."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ops.rehearsal.service import KEY, USER, Service
from ops.sim.server import SimServer

HEAD = f"""\
[service]
data_dir = "var"
http = "127.0.0.1:0"

[[logins]]
name = "demo"
username = "env:{USER}"
api_key = "env:{KEY}"
api_url = "{{sim}}/api"
user_hub_url = "{{sim}}/hubs/user"
market_hub_url = "{{sim}}/hubs/market"
"""
ACCOUNT = """
[[accounts]]
login = "demo"
id = {account}
reset = {{ at = "{at.minute} {at.hour} * * *", zone = "UTC" }}
{rules}"""


def simulated(
    folder: Path,
    sim: SimServer,
    accounts: Iterable[int],
    rules: Callable[[int], str],
    *,
    reset: Callable[[int], datetime] | None = None,
    options: Sequence[str] = (),
) -> Service:
    """Return the service for accounts and their rules; without a `reset` none falls into it."""
    far = datetime.now(UTC) + timedelta(hours=12)
    tables = [
        ACCOUNT.format(account=one, at=far if reset is None else reset(one), rules=rules(one))
        for one in accounts
    ]
    file = folder / "riskwarden.toml"
    head = HEAD.format(sim=sim.url)
    file.write_text(head + "".join(tables), encoding="utf-8")
    scenario = sim.world.scenario
    secrets = scenario.user, scenario.api_key
    return Service(file, folder / "var", secrets=secrets, options=options)

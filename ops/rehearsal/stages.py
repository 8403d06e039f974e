"""The two places for a drill: the embedded simulator, and a practice account of a configuration."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from msgspec.structs import replace

from config.load import Loaded
from config.schema import AccountConfig, LoginConfig
from config.secrets import Credentials, credentials
from ops.rehearsal.configured import at
from ops.rehearsal.drill import LOGIN, Drill, Drilled, Tell
from ops.rehearsal.practice import Stage, stage
from ops.rehearsal.reactions import Reactions, spread
from ops.rehearsal.trader import Trader
from ops.sim import actions
from ops.sim.server import SimServer
from protocol.units import AccountId

SIM_ACCOUNT = AccountId(1001)
WALK_S = 900.0
"""How long the simulated market breathes, which is longer than any drill."""


async def on_simulator(rounds: int, tell: Tell) -> Drilled:
    """Drill on a simulated Gateway of our own, over real sockets."""
    async with SimServer() as sim:
        login, secrets = at(sim, LOGIN)
        async with trading(login, secrets) as trader:
            contract = await trader.smallest()
            await sim.do(actions.Walk(contract=contract.id, seconds=WALK_S, every_ms=100))
            name = sim.exchange.account(SIM_ACCOUNT).name
            found = Stage(
                account=SIM_ACCOUNT, name=name, contract=contract, gateway="the embedded simulator"
            )
            reactions = Reactions(sim)
            drilled = await Drill(found, trader, rounds, tell).run(login, secrets)
            reactions.new()
            drilled.wire_ms = spread(reactions.closes())
            return drilled


async def look(loaded: Loaded, account: AccountConfig, login: LoginConfig) -> Stage:
    """Return the practice account, if nothing speaks against a drill on it; change nothing."""
    async with trading(login, secrets_of(loaded, login)) as trader:
        return await stage(loaded, account, trader, login.api_url)


async def on_account(
    loaded: Loaded, account: AccountConfig, login: LoginConfig, rounds: int, tell: Tell
) -> Drilled:
    """Drill on a practice account; it is looked at anew, for its owner may have taken his time."""
    secrets = secrets_of(loaded, login)
    async with trading(login, secrets) as trader:
        found = await stage(loaded, account, trader, login.api_url)
        return await Drill(found, trader, rounds, tell).run(login, secrets)


def secrets_of(loaded: Loaded, login: LoginConfig) -> Credentials:
    """Fetch the secrets of one login only."""
    alone = loaded._replace(config=replace(loaded.config, logins=(login,)))
    return credentials(alone).logins[login.name]


@asynccontextmanager
async def trading(login: LoginConfig, secrets: Credentials) -> AsyncGenerator[Trader]:
    """Log a trader in, and let go of it at the end."""
    trader = Trader(login.api_url, secrets.username.reveal(), secrets.api_key.reveal())
    try:
        await trader.log_in()
        yield trader
    finally:
        await trader.close()

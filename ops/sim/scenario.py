"""Load a scenario from TOML, strictly: an unknown key or a bad value names the file and the key."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from ops.sim import model
from ops.sim.actions import Account, Contract, Step
from ops.sim.products import contract_for
from ops.sim.switches import Switches, changed

FOLDER = Path(__file__).parent / "scenarios"


class ScenarioError(ValueError):
    """A scenario that cannot be played, and where it is wrong."""


class AccountRow(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An account at the start."""

    id: int
    name: str
    balance: Decimal = Decimal(50_000)
    can_trade: bool = True
    is_visible: bool = True
    simulated: bool = True
    follower: bool = False


class ContractRow(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A contract at the start; product by either name, expiry such as Z26."""

    product: str
    expiry: str
    price: Decimal
    active: bool = True
    published: Literal["full", "null", "missing", "zero"] = "full"


class Scenario(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A world at its start and what happens in it."""

    accounts: list[AccountRow]
    contracts: list[ContractRow]
    seed: int = 1
    user: str = "trader"
    api_key: str = "sim-key-0123456789"
    loop: bool = False
    switches: dict[str, object] = msgspec.field(default_factory=dict[str, object])
    steps: list[Step] = msgspec.field(default_factory=list[Step])

    def fresh_switches(self) -> Switches:
        """Return the switches as they are at the start."""
        return Switches(**changed(self.switches))  # type: ignore[arg-type]

    def opened(self) -> list[model.Account]:
        """Return the accounts as they are at the start."""
        return [
            model.Account(
                account_id=row.id,
                name=row.name,
                balance=row.balance,
                can_trade=row.can_trade,
                is_visible=row.is_visible,
                simulated=row.simulated,
                follower=row.follower,
            )
            for row in self.accounts
        ]

    def listed(self) -> list[tuple[model.Contract, Decimal]]:
        """Return the contracts as they are at the start, and their first prices."""
        found: list[tuple[model.Contract, Decimal]] = []
        for row in self.contracts:
            contract = contract_for(row.product, row.expiry)
            contract.active, contract.published = row.active, row.published
            found.append((contract, row.price))
        return found


def path_of(name: str) -> Path:
    """Return the file of a scenario: one of ours by its name, else a path."""
    ours = FOLDER / f"{name}.toml"
    return ours if ours.exists() else Path(name)


def load(name: str | Path) -> Scenario:
    """Read and check a scenario."""
    path = path_of(str(name))
    try:
        text = path.read_bytes()
    except OSError as error:
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.toml")))
        raise ScenarioError(f"{path}: {error.strerror} (ours are: {known})") from error
    try:
        scenario = msgspec.toml.decode(text, type=Scenario, strict=False)
        scenario.fresh_switches()
        scenario.listed()
    except (msgspec.MsgspecError, ValueError) as error:
        raise ScenarioError(f"{path}: {error}") from error
    if len({row.id for row in scenario.accounts}) < len(scenario.accounts):
        raise ScenarioError(f"{path}: two accounts have the same id - at `$.accounts`")
    for complaint in strangers(scenario):
        raise ScenarioError(f"{path}: {complaint}")
    return scenario


def strangers(scenario: Scenario) -> Iterator[str]:
    """Yield the steps that name an account or a contract the scenario never has."""
    accounts = {row.id for row in scenario.accounts}
    contracts = {name for contract, _ in scenario.listed() for name in contract.names}
    for step in scenario.steps:
        match step:
            case Account():
                accounts.add(step.account)
            case Contract():
                contracts |= contract_for(step.root, step.expiry).names
            case _:
                pass
    for number, step in enumerate(scenario.steps):
        account, contract = getattr(step, "account", None), getattr(step, "contract", None)
        if account is not None and account not in accounts:
            yield f"no account {account} - at `$.steps[{number}].account`"
        if contract is not None and contract not in contracts:
            yield f"no contract {contract!r} - at `$.steps[{number}].contract`"

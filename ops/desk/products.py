"""Whether the Gateway lists the products that the rules name.

A limit on a product that no contract carries holds for nothing, and nobody would notice.  Rules go
by the root in a contract's id (CON.F.US.EP.Z26), so that is what is looked for, under every name
that riskwarden knows (ES is EP).  A product is missing only if neither a search for it nor the list
of all contracts shows it; a Gateway that does not answer has said nothing.

Patterns with `*` are not looked up: they may well be meant for what is not listed yet.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from actors.model.aliases import canonical
from actors.model.contract import root
from config.errors import did_you_mean, dotted
from config.schema import AccountConfig
from protocol.account_facts import Listing
from protocol.answers import ContractsFailed, ContractsRead
from protocol.commands import SearchContracts
from protocol.message import Message

type Perform = Callable[[SearchContracts], Awaitable[Message | None]]

SHOWN_MAX = 12
"""Products that are named when none is near."""
_EXPIRING = re.compile(r"(.+?)[FGHJKMNQUVXZ][0-9]{1,2}")
"""A contract's display name: ESZ6 is the ES of December 2026."""


class Named(NamedTuple):
    """A product as a rule names it, and where that stands."""

    place: str
    product: str


class Missing(NamedTuple):
    """What the Gateway lists in place of a product, and how to mend that."""

    instead: str
    mend: str


class Unlisted(NamedTuple):
    """A product that is named somewhere and not listed."""

    named: Named
    missing: Missing

    @property
    def what(self) -> str:
        """Say where it stands, and what there is instead."""
        return (
            f"{self.named.place}: the Gateway lists no product {self.named.product}, so this holds "
            f"for nothing; {self.missing.instead}"
        )

    def __str__(self) -> str:
        return f"{self.what}: {self.missing.mend}"


class Catalogue:
    """What the Gateway has said of products, by the exchange's names."""

    def __init__(self) -> None:
        self.listed: set[str] = set()
        self.missing: dict[str, Missing] = {}

    def untold(self, names: Iterable[Named]) -> tuple[str, ...]:
        """Return the products of which nothing was said yet, each once."""
        asked = dict.fromkeys(canonical(one.product) for one in names)
        return tuple(one for one in asked if one not in self.listed and one not in self.missing)

    def unlisted(self, names: Iterable[Named]) -> list[Unlisted]:
        """Return those that are missing."""
        found = ((one, self.missing.get(canonical(one.product))) for one in names)
        return [Unlisted(one, missing) for one, missing in found if missing is not None]


def named(account: AccountConfig) -> list[Named]:
    """Return the products that an account's rules name, in the order of the file."""
    return [
        Named(dotted(("accounts", f"[{account.label}]", "rules", name, key)), product)
        for name, rule in account.rules.items()
        for key, product in rule.products
    ]


async def look_up(perform: Perform, products: Iterable[str], catalogue: Catalogue) -> str:
    """Search for products, one request each, and one more if any is not found.

    Return why some are still untold; nothing if all are told.
    """
    lacking: list[str] = []
    for product in products:
        match await perform(SearchContracts(text=product)):
            case ContractsRead(contracts=found) if is_listed(product, found):
                catalogue.listed.add(product)
            case ContractsRead():
                lacking.append(product)
            case ContractsFailed(why=why):
                return why
            case _:
                return "no answer"
    if not lacking:
        return ""
    match await perform(SearchContracts()):
        case ContractsRead(contracts=every) if every:
            for product in lacking:
                if is_listed(product, every):
                    catalogue.listed.add(product)
                else:
                    catalogue.missing[product] = nearest(product, every)
            return ""
        case ContractsFailed(why=why):
            return why
        case _:
            return "the list of all contracts is empty"


def is_listed(product: str, contracts: Iterable[Listing]) -> bool:
    """Tell whether one of the contracts is of a product, by the exchange's name."""
    return any(canonical(root(one.contract_id)) == product for one in contracts)


def nearest(product: str, contracts: Iterable[Listing]) -> Missing:
    """Return what is listed in place of a product: under another root, or spelt like it."""
    by_root = {canonical(root(one.contract_id)): one for one in contracts}
    by_symbol = {symbol(one): one for one in contracts}
    if product in by_symbol:
        other = by_symbol[product]
        broker = root(other.contract_id)
        return Missing(f"it lists it as {broker} ({about(other)})", f"write {broker}")
    meant = did_you_mean(product, by_root | by_symbol)
    if meant:
        name = meant.removeprefix("did you mean ").removesuffix("?")
        other = by_root.get(name) or by_symbol[name]
        spelt = name if name in by_root else root(other.contract_id)
        return Missing(
            f"the nearest that it lists is {name} ({about(other)})",
            f"write {spelt} if that is meant, else take it out",
        )
    shown = [
        name if name == symbol(one) else f"{name} ({symbol(one)})"
        for name, one in sorted(by_root.items())
    ]
    more = f" and {len(shown) - SHOWN_MAX} more" if len(shown) > SHOWN_MAX else ""
    return Missing(
        f"it lists {', '.join(shown[:SHOWN_MAX])}{more}", "write one of these, or take it out"
    )


def symbol(one: Listing) -> str:
    """Return the exchange's symbol in a contract's display name: ZN of ZNZ6."""
    found = _EXPIRING.fullmatch(one.name.upper())
    return found[1] if found else one.name.upper()


def about(one: Listing) -> str:
    """Return a contract for people."""
    return f"{one.contract_id}, {one.description}" if one.description else one.contract_id

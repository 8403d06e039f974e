"""The products the simulator lists, and how their contracts are named."""

from decimal import Decimal
from typing import NamedTuple

from ops.sim.model import Contract

MONTHS = {
    "F": "January",
    "G": "February",
    "H": "March",
    "J": "April",
    "K": "May",
    "M": "June",
    "N": "July",
    "Q": "August",
    "U": "September",
    "V": "October",
    "X": "November",
    "Z": "December",
}


class Product(NamedTuple):
    """One product: `root` is the Gateway's name, `symbol` the trader's."""

    root: str
    symbol: str
    title: str
    tick_size: Decimal
    tick_value: Decimal


def product(root: str, symbol: str, title: str, size: str, value: str) -> Product:
    """Return one row of the table."""
    return Product(root, symbol, title, Decimal(size), Decimal(value))


PRODUCTS = (
    product("MNQ", "MNQ", "Micro E-mini Nasdaq-100", "0.25", "0.50"),
    product("ENQ", "NQ", "E-mini Nasdaq-100", "0.25", "5.00"),
    product("MES", "MES", "Micro E-mini S&P 500", "0.25", "1.25"),
    product("EP", "ES", "E-mini S&P 500", "0.25", "12.50"),
    product("M2K", "M2K", "Micro E-mini Russell 2000", "0.10", "0.50"),
    product("RTY", "RTY", "E-mini Russell 2000", "0.10", "5.00"),
    product("MYM", "MYM", "Micro E-mini Dow", "1", "0.50"),
    product("YM", "YM", "E-mini Dow", "1", "5.00"),
    product("CLE", "CL", "Crude Oil", "0.01", "10.00"),
    product("GCE", "GC", "Gold", "0.10", "10.00"),
    product("TYA", "ZN", "10-Year T-Note", "0.015625", "15.625"),
    # No firm lists it: it stands for whatever has a root that riskwarden does not know.
    product("OJX", "OJ", "Orange Juice", "0.05", "7.50"),
)
BY_NAME = {name: row for row in PRODUCTS for name in (row.root, row.symbol)}


def contract_for(name: str, expiry: str) -> Contract:
    """Return the contract of a product (by either of its names) and an expiry such as Z26."""
    row = BY_NAME.get(name.upper())
    if row is None:
        known = ", ".join(sorted(BY_NAME))
        raise ValueError(f"unknown product {name!r}: the simulator lists {known}")
    month = MONTHS.get(expiry[:1])
    if month is None or not expiry[1:].isdigit():
        raise ValueError(f"expiry {expiry!r} is no month letter and year, such as Z26")
    return Contract(
        contract_id=f"CON.F.US.{row.root}.{expiry}",
        name=f"{row.symbol}{expiry[0]}{expiry[-1]}",
        description=f"{row.title}: {month} 20{expiry[1:]}",
        root=row.root,
        symbol=row.symbol,
        tick_size=row.tick_size,
        tick_value=row.tick_value,
    )

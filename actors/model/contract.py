"""What a contract's id says of itself."""

from functools import lru_cache

from protocol.units import ContractId

ROOT_PART = 3


@lru_cache(maxsize=4_096)
def root(contract_id: ContractId) -> str:
    """Return the product's root: MNQ of CON.F.US.MNQ.Z26; the whole id if it has another form."""
    parts = contract_id.split(".")
    return parts[ROOT_PART] if len(parts) > ROOT_PART else contract_id

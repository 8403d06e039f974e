"""What a contract's id says of itself."""

from protocol.units import ContractId

ROOT_PART = 3


def root(contract_id: ContractId) -> str:
    """Return the product's root: MNQ of CON.F.US.MNQ.Z26; the whole id if it has another form."""
    parts = contract_id.split(".")
    return parts[ROOT_PART] if len(parts) > ROOT_PART else contract_id

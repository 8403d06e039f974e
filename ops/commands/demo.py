"""`riskwarden demo`: a trading morning, played in a minute."""

from argparse import Namespace
from importlib import import_module


def run(args: Namespace) -> int:
    """Play it."""
    code: int | None = import_module("ops.demo").main(as_json=args.json)
    return code or 0

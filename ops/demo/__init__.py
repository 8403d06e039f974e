"""The demonstration: a trading morning, guarded by the real service on the simulated Gateway."""

from ops.demo.morning import main

__all__ = ["main"]

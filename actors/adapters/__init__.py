"""The outside world: clocks, the store, the Gateway."""

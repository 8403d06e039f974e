"""The real service, tried on this machine: for a moment, through a breach, or for hours."""

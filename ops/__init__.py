"""How it is run: command line, guardian, desk, simulator."""

"""What is said: every message, fact, command and effect, as frozen structs."""

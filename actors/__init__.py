"""What is decided, and who runs it."""

"""What an operator writes, and how it is read."""

"""What happened, read back: replays, explanations, checks and copies of the stores."""

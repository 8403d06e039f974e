"""Types for Thespian 4.0.1, which ships none: only what the in-process base needs."""

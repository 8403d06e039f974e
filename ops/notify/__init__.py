"""Telling people, by the guardian and never by a desk: what is worth it, and how it gets there."""

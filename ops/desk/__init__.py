"""A desk: one login's actors, connected to the Gateway and to the disk."""

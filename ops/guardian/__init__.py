"""The guardian: starts the desks, keeps them running, and says how they stand.  It never trades."""

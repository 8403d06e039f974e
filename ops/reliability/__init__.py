"""The faults that are tried, and the page that says how each went: ops/RELIABILITY.md."""

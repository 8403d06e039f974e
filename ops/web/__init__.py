"""The screen: a page for the trader that the guardian serves, and what it and `top` show."""

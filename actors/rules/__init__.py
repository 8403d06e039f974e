"""The rules.  To add one: write its file, then add one line here."""

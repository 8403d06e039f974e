"""Pure mathematics: money, ledgers, prices, calendars."""

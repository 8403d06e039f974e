"""A target of apprise: Discord, Telegram, e-mail, a webhook, and everything else that it knows.

The package is an extra, and large: it is imported when the first message leaves, by the thread
that sends it.  A URL is a secret as a whole, so nothing of it is ever repeated.
"""

import importlib
import logging
import re
from importlib.util import find_spec
from typing import Any
from urllib.parse import unquote

from config.secrets import Secret

PACKAGE = "apprise"
MISSING = "the extra is not installed; run: pip install 'riskwarden[notify]'"
PIECES = re.compile(r"[^A-Za-z0-9_.-]+")
PIECE_LENGTH_MIN = 5
SCHEME = re.compile(r"([a-z]{2,20})://", re.IGNORECASE)
REASON_MAX = 200


def silence(logger: logging.Logger) -> None:
    """Keep the library's own lines out of our log: they may hold the URL."""
    logger.propagate = False
    logger.handlers[:] = [logging.NullHandler()]


def is_installed() -> bool:
    """Tell whether the extra is there."""
    return find_spec(PACKAGE) is not None


class AppriseTarget:
    """One URL."""

    def __init__(self, url: Secret, number: int) -> None:
        scheme = SCHEME.match(url.reveal())
        kind = scheme[1].lower() if scheme is not None else "unknown"
        self.name = f"{kind} (notify.urls, number {number})"
        self._url = url
        self._apprise: Any = None

    def refusal(self) -> str:
        """Return why nothing can be sent with this URL, or nothing."""
        if self._apprise is not None:
            return ""
        if not is_installed():
            return MISSING
        library = importlib.import_module(PACKAGE)
        silence(logging.getLogger(PACKAGE))
        made = library.Apprise()
        if not made.add(self._url.reveal()):
            return "the secret is no URL that apprise knows; see its list of services"
        self._apprise = made
        return ""

    def send(self, title: str, body: str, *, urgent: bool) -> str:
        """Send a message and wait for the answer; return why that failed, or nothing."""
        if why := self.refusal():
            return why
        said: list[str] = []

        def hear(entry: Any, _: object) -> None:
            said.append(str(entry.message))

        result = self._apprise.notify(
            title=title,
            body=body,
            notify_type="warning" if urgent else "info",
            body_format="text",
            log_level=logging.WARNING,
            log_callback=hear,
        )
        with result:
            if result:
                return ""
        return self._clean(said[0])[:REASON_MAX] if said else "the service did not take it"

    def _clean(self, text: str) -> str:
        """Return a text without any piece of the URL that could be secret."""
        url = self._url.reveal()
        pieces = {one for part in (url, unquote(url)) for one in PIECES.split(part)}
        for piece in sorted(pieces, key=len, reverse=True):
            if len(piece) >= PIECE_LENGTH_MIN:
                text = text.replace(piece, "***")
        return text

"""Addresses that no secret may leave by, and no stranger may come in by."""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from config.errors import Invalid, printable

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def split_http(address: str) -> tuple[str, int]:
    """Return host and port of a loopback address; raise `Invalid` on any other.

    The host comes as a browser writes it: the API answers to no other spelling.
    """
    form = re.fullmatch(r"(localhost|[0-9.]+|\[[0-9A-Fa-f:]+\]):([0-9]{1,5})", address)
    try:
        host, port = (form[1].strip("[]"), int(form[2])) if form else ("", -1)
        host = host if host == "localhost" else str(ip_address(host))
        host = "" if host.startswith("::ffff:") else host  # 127.0.0.1 in a dress nobody asks for
        loopback = host in LOCAL_HOSTS or host.startswith("127.")
    except ValueError:
        host, port, loopback = "", -1, False
    if not host or not 0 <= port <= 65535:  # noqa: PLR2004  (the largest port there is)
        raise Invalid(
            "http",
            f"{printable(address)} is no address and port of this machine",
            why="it shows accounts and positions: it answers to this machine only",
            mend='write http = "127.0.0.1:8484"',
        )
    if not loopback:
        raise Invalid(
            "http",
            f"{host} can be reached from other machines",
            why="whoever reaches it can read your accounts and positions",
            mend='write http = "127.0.0.1:8484", and reach it from elsewhere through SSH',
        )
    return host, port


def judge_url(key: str, url: str) -> None:
    """Refuse what is no URL, and what would send the API key in clear."""
    parts = _split(url)
    if parts is None or not parts.hostname or parts.scheme not in {"http", "https"}:
        raise Invalid(key, "is not a web address", mend='it opens with "https://" and names a host')
    if parts.username or parts.password or parts.query or parts.fragment:
        raise Invalid(key, "carries more than host and path", mend="leave out user, ? and #")
    if parts.scheme == "http" and parts.hostname not in LOCAL_HOSTS:
        raise Invalid(
            key,
            f"http:// to {printable(parts.hostname)}",
            why="the API key would travel in clear; http is for this machine only "
            "(localhost, 127.0.0.1, [::1])",
            mend="write https://",
        )


def judge_collector(key: str, url: str) -> None:
    """Refuse what is no web address; traces carry no secret, so http may lead anywhere."""
    parts = _split(url)
    if parts is None or not parts.hostname or parts.scheme not in {"http", "https"}:
        mend = f'write {key} = "http://127.0.0.1:4318"'
        raise Invalid(key, "is not a web address", mend=mend)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise Invalid(key, "carries more than host and path", mend="leave out user, ? and #")


def judge_monitor(key: str, url: str) -> None:
    """Refuse what cannot be called; the complaint never repeats it: it is a secret."""
    parts = _split(url)
    if parts is None or not parts.hostname or parts.scheme not in {"http", "https"}:
        raise Invalid(key, "holds no web address", mend="copy the whole address of your monitor")


def _split(url: str) -> SplitResult | None:
    if not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError when it is none
    except ValueError:
        return None
    return parts

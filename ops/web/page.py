"""The page: a few files of its own, from this machine only, that can change nothing.

The policy in its header lets the browser load and run what is served here and nothing else, so
that even a text from the broker that looks like a page is only a text.
"""

from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ops.web.broadcast import Broadcast

FOLDER = Path(__file__).parent / "static"
INDEX = "index.html"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
FOREIGN = frozenset({"cross-site", "same-site"})
"""What a browser says of a request that another site's page makes."""
REFUSED = 403
BUSY = 503


def routes(broadcast: Broadcast) -> list[Route]:
    """Return the page, its files and its news."""

    async def events(request: Request) -> Response:
        if request.headers.get("Sec-Fetch-Site") in FOREIGN:
            return Response("only for the page that is served here\n", REFUSED, HEADERS)
        if broadcast.is_full:
            said = "too many pages look already: close some\n"
            return Response(said, BUSY, {**HEADERS, "Retry-After": "5"})
        return StreamingResponse(
            broadcast.stream(), media_type="text/event-stream", headers=HEADERS
        )

    served = {f"/{one.name}": one for one in sorted(FOLDER.iterdir()) if one.suffix in TYPES}
    served |= {"/": FOLDER / INDEX, "/favicon.ico": FOLDER / "favicon.svg"}
    return [Route("/events", events), *(_file(path, one) for path, one in served.items())]


def edition() -> str:
    """Return what tells one edition of the page from another."""
    files = sorted(one for one in FOLDER.iterdir() if one.suffix in TYPES)
    return sha256(b"".join(one.read_bytes() for one in files)).hexdigest()[:16]


def _file(path: str, file: Path) -> Route:
    body, kind = file.read_bytes(), TYPES[file.suffix]

    async def serve(_: Request) -> Response:
        return Response(body, headers={**HEADERS, "Content-Type": kind})

    return Route(path, serve)

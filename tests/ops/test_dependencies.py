"""What is installed is what was locked, each by its hash; what we chose has its reason."""

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
REASONS = ROOT / "ops/adr/0003-dependencies.md"
REGISTRY = "https://pypi.org/simple"
FILES = "https://files.pythonhosted.org/"
HASH = re.compile(r"sha256:[0-9a-f]{64}")
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==(?P<version>[A-Za-z0-9.]+)(?:;.*)?")


@cache
def toml(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / name).read_text("utf-8"))


def packages() -> list[dict[str, Any]]:
    """Return what uv.lock holds, ourselves left out."""
    return [one for one in toml("uv.lock")["package"] if one["name"] != "riskwarden"]


def faults(package: dict[str, Any]) -> list[str]:
    """Return why a locked package could be another one tomorrow."""
    found = [] if package["source"] == {"registry": REGISTRY} else ["not from the registry"]
    files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
    found += [] if files else ["no file"]
    found += ["no hash" for one in files if not HASH.fullmatch(one.get("hash", ""))]
    found += ["not the registry's" for one in files if not one["url"].startswith(FILES)]
    return found


def chosen() -> dict[str, str]:
    """Return what a user of ours installs because we said so, and the versions."""
    project = toml("pyproject.toml")["project"]
    optional = project["optional-dependencies"].values()
    return pins([*project["dependencies"], *(one for extra in optional for one in extra)])


def pins(lines: list[str]) -> dict[str, str]:
    found = [PIN.fullmatch(line.replace(" ", "")) for line in lines]
    assert all(found), [line for line, pin in zip(lines, found, strict=True) if pin is None]
    return {pin["name"].lower(): pin["version"] for pin in found if pin is not None}


def test_every_package_is_locked_to_the_registrys_files_by_their_hashes() -> None:
    assert len(packages()) > 50
    wrong = {one["name"]: faults(one) for one in packages() if faults(one)}
    assert wrong == {}


@pytest.mark.parametrize(
    "change",
    [
        {"source": {"git": "https://example.org/it"}},
        {"source": {"registry": "https://mirror.example/simple"}},
        {"wheels": [], "sdist": {"url": FILES + "x", "hash": ""}},
        {"wheels": [{"url": "https://example.org/x.whl", "hash": f"sha256:{'0' * 64}"}]},
        {"wheels": [{"url": FILES + "x", "hash": "md5:0"}]},
    ],
)
def test_this_would_notice_a_package_of_another_origin(change: dict[str, Any]) -> None:
    assert faults(packages()[0] | change) != []


def test_everything_that_is_chosen_is_pinned_to_what_is_locked() -> None:
    groups = toml("pyproject.toml")["dependency-groups"].values()
    tools = pins([one for group in groups for one in group])
    (build,) = pins(toml("pyproject.toml")["build-system"]["requires"])
    locked = {one["name"]: one["version"] for one in packages()}

    assert build == "hatchling"
    assert {name: locked.get(name) for name in chosen() | tools} == chosen() | tools


def test_everything_that_is_chosen_has_its_reason_and_nothing_else_has() -> None:
    told = re.findall(r"^\*\*.*", REASONS.read_text("utf-8"), re.MULTILINE)
    named = {name for line in told for name in re.findall(r"\*\*([\w-]+)\*\*", line)}

    assert named == set(chosen())


class Advisories:
    """A service of advisories that knows one package to be bad, or answers as it is told."""

    def __init__(self, bad: str = "", answer: bytes | None = None) -> None:
        asked = self.asked = set[str]()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                names = [one["package"]["name"] for one in json.loads(body)["queries"]]
                asked.update(names)
                known = {"vulns": [{"id": "TEST-1", "modified": "2026-01-01T00:00:00Z"}]}
                results = [known if name == bad else {} for name in names]
                self.say(json.dumps({"results": results}).encode() if answer is None else answer)

            def do_GET(self) -> None:
                ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]
                package = {"name": bad, "ecosystem": "PyPI"}
                told = {"id": "TEST-1", "summary": "it is bad", "modified": "2026-01-01T00:00:00Z"}
                self.say(
                    json.dumps(
                        told | {"affected": [{"package": package, "ranges": ranges}]}
                    ).encode()
                )

            def say(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(params=["good", "bad", "strange"])
def advisories(request: pytest.FixtureRequest) -> Iterator[tuple[str, Advisories]]:
    kind = str(request.param)
    bad, answer = ("starlette" if kind == "bad" else ""), (b"{}" if kind == "strange" else None)
    one = Advisories(bad, answer)
    yield kind, one
    one.close()


def audit(url: str) -> tuple[int, str]:
    line = ["sh", "ops/setup.sh", "--audit"]
    env = {**os.environ, "AUDIT_URL": url, "UV_HTTP_RETRIES": "0", "UV_OFFLINE": "0"}
    done = subprocess.run(
        line, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=50
    )
    return done.returncode, done.stdout + done.stderr


def test_an_audit_says_what_it_found(advisories: tuple[str, Advisories]) -> None:
    kind, service = advisories

    code, said = audit(service.url)

    locked = {one["name"] for one in packages()}
    assert service.asked <= locked
    assert set(chosen()) <= service.asked
    if kind == "good":
        assert (code, "no package of uv.lock has a known" in said) == (0, True), said
    elif kind == "bad":
        assert (code, "TEST-1" in said, "starlette" in said) == (1, True, True), said
    else:
        assert (code, "NOT AUDITED" in said) == (2, True), said


def test_an_audit_that_reaches_nobody_does_not_pass() -> None:
    code, said = audit("http://127.0.0.1:1")

    assert code == 2
    assert "NOT AUDITED" in said
    assert "known vulnerability" not in said.replace("no known", "")

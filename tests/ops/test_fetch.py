"""`make test` fetches Prometheus where it can be had, and goes on where it cannot."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = Path("ops/prometheus/fetch.sh")
TOOLS = ("dirname", "mktemp", "rm", "chmod", "chown", "id", "cat", "timeout", "mkdir", "head")
FAILS = "#!/bin/sh\necho 'no network' >&2\nexit 100\n"
REFUSES = "#!/bin/sh\necho 'nobody asked' >&2\nexit 99\n"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Return a folder with the programs that the script finds, and no others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None, name
        (folder / name).symlink_to(found)
    return folder


def put(programs: Path, name: str, text: str) -> None:
    (programs / name).write_text(text, encoding="utf-8")
    (programs / name).chmod(0o755)


def fetch(tmp_path: Path, programs: Path) -> tuple[int, str]:
    script = tmp_path / SCRIPT
    script.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / SCRIPT, script)
    done = subprocess.run(
        ["/bin/sh", str(script)],
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done.returncode, done.stdout + done.stderr


def test_what_is_installed_is_not_fetched(tmp_path: Path, programs: Path) -> None:
    for name in ("promtool", "prometheus", "apt-get", "dpkg-deb"):
        put(programs, name, REFUSES)

    assert fetch(tmp_path, programs) == (0, "")


def test_what_was_fetched_before_is_not_fetched_again(tmp_path: Path, programs: Path) -> None:
    there = tmp_path / ".tools" / "prometheus" / "usr" / "bin"
    there.mkdir(parents=True)
    for name in ("promtool", "prometheus"):
        put(there, name, REFUSES)
    put(programs, "apt-get", REFUSES)

    assert fetch(tmp_path, programs) == (0, "")


def test_without_debians_tools_it_says_what_to_do(tmp_path: Path, programs: Path) -> None:
    code, said = fetch(tmp_path, programs)

    assert code == 1
    assert said == (
        "prometheus: no apt-get here: put prometheus and promtool (2.42 or later) into PATH\n"
    )


def test_without_a_network_it_says_why_and_leaves_nothing(tmp_path: Path, programs: Path) -> None:
    for name in ("apt-get", "dpkg-deb"):
        put(programs, name, FAILS)

    code, said = fetch(tmp_path, programs)

    assert code == 1
    assert "apt-get download prometheus fails:\nno network" in said
    assert not (tmp_path / ".tools").exists()


def test_make_test_fetches_it_first_and_goes_on_without() -> None:
    done = subprocess.run(
        ["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )

    fetching, running = done.stdout.split("pytest", 1)[0], done.stdout
    assert f"sh {SCRIPT} || echo" in fetching
    assert "tests/prometheus cannot run" in fetching
    assert "-m fault" not in running

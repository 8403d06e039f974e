"""Secrets are found where they are kept, and shown nowhere."""

import copy
import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from config.errors import ConfigError, Problem
from config.load import load
from config.secret_ref import SecretRef, SecretSource
from config.secrets import Secret, credentials, exposure, parse_ref, resolve

type Write = Callable[..., Path]

VALUE = "hunter2-hunter2"
KEY = SecretRef(SecretSource.ENV, "KEY")


def refusal(ref: str, base_dir: Path, **environ: str) -> Problem:
    with pytest.raises(ConfigError) as caught:
        resolve(parse_ref(ref), base_dir, environ=environ, shortest=10, where=("a.toml", "key"))
    (problem,) = caught.value.problems
    assert (problem.file, problem.key) == ("a.toml", "key")
    assert problem.mend
    return problem


@pytest.mark.parametrize("show", [repr, str, "{!r:>3}".format, "%s".__mod__])
def test_a_secret_shows_stars(show: Callable[[object], str]) -> None:
    assert show(Secret(VALUE)) == "***"


@pytest.mark.parametrize(
    "write_down",
    [copy.copy, copy.deepcopy, json.dumps, msgspec.json.encode, msgspec.to_builtins,
     vars, dict, pickle.Pickler(io.BytesIO()).dump],
)  # fmt: skip
def test_a_secret_is_not_encoded_by_accident(write_down: Callable[[object], object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        write_down(Secret(VALUE))


def test_a_secret_hides_in_what_holds_it() -> None:
    assert VALUE not in repr({"api_key": [Secret(VALUE)]})


def test_a_variable_is_read_and_stripped(tmp_path: Path) -> None:
    assert resolve(KEY, tmp_path, environ={"KEY": f" {VALUE}\r\n"}).reveal() == VALUE


def test_a_file_is_read_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbf" + VALUE.encode() + b"\n")

    assert resolve(parse_ref("file:key"), tmp_path).reveal() == VALUE
    assert resolve(parse_ref(f"file:{tmp_path}/key"), Path("/")).reveal() == VALUE


def test_a_credential_is_read_where_systemd_put_it(tmp_path: Path) -> None:
    (tmp_path / "api-key").write_text(VALUE)
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}

    ref = parse_ref("credential:api-key")

    assert resolve(ref, Path("/"), environ=environ).reveal() == VALUE


@pytest.mark.parametrize(
    ("ref", "environ", "told"),
    [
        ("env:KEY", {}, "the environment variable KEY is not set"),
        ("env:KEY", {"KEY": " \n"}, "env:KEY is empty"),
        ("env:KEY", {"KEY": "123456789"}, "env:KEY holds 9 characters; a key has at least 10"),
        ("env:KEY", {"KEY": "12345\n67890"}, "env:KEY holds more than one line"),
        ("credential:key", {}, "CREDENTIALS_DIRECTORY is not set"),
        ("credential:key", {"CREDENTIALS_DIRECTORY": "/nowhere"}, "/nowhere/key does not exist"),
        ("file:key", {}, "key does not exist"),
        ("file:.", {}, "is no ordinary file"),
        ("file:loop", {}, "loop cannot be read"),
        ("file:long", {}, "long is too long"),
        ("file:binary", {}, "binary is not text"),
        ("file:blank", {}, "file:blank is empty"),
    ],
)
def test_what_is_missing_is_named_with_its_remedy(
    tmp_path: Path, ref: str, environ: dict[str, str], told: str
) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "long").write_text("x" * 5000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "blank").write_text("\n")

    assert told in refusal(ref, tmp_path, **environ).what


def test_no_complaint_repeats_a_secret(tmp_path: Path) -> None:
    problem = refusal("env:KEY", tmp_path, KEY="s3cret")

    assert "s3cret" not in str(ConfigError((problem,)))


@pytest.mark.parametrize(("mode", "warned"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1)])
def test_a_file_that_others_can_read_is_a_warning(tmp_path: Path, mode: int, warned: int) -> None:
    (tmp_path / "key").write_text(VALUE)
    (tmp_path / "key").chmod(mode)

    warnings = exposure(parse_ref("file:key"), tmp_path)

    assert len(warnings) == warned
    assert all(warning.mend.startswith("chmod 600 ") for warning in warnings)


def test_a_variable_is_open_to_no_one(tmp_path: Path) -> None:
    assert exposure(KEY, tmp_path) == ()


LOGINS = """
name = "main"
username = "env:USER_NAME"
api_key = "file:key"
[[logins]]
name = "other"
username = "env:OTHER_NAME"
api_key = "env:OTHER_KEY"
"""


def test_all_logins_are_resolved_at_once(write: Write, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(VALUE)
    (tmp_path / "key").chmod(0o644)
    environ = {"USER_NAME": "bob", "OTHER_NAME": "eve", "OTHER_KEY": VALUE[::-1]}

    resolved = credentials(load(write(login=LOGINS)), environ)

    assert {
        name: (login.username.reveal(), login.api_key.reveal())
        for name, login in resolved.logins.items()
    } == {"main": ("bob", VALUE), "other": ("eve", VALUE[::-1])}
    assert [warning.key for warning in resolved.warnings] == ["logins[main].api_key"]


def test_everything_that_is_missing_is_said_at_once(write: Write) -> None:
    with pytest.raises(ConfigError) as caught:
        credentials(load(write(login=LOGINS)), {"OTHER_KEY": "short"})

    assert [problem.key for problem in caught.value.problems] == [
        "logins[main].username",
        "logins[main].api_key",
        "logins[other].username",
        "logins[other].api_key",
    ]

"""Secrets: named in the configuration, kept elsewhere, and shown nowhere."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn, Protocol

from config.addresses import judge_monitor
from config.errors import ConfigError, Invalid, Problem, dotted, printable
from config.notify import NotifyConfig
from config.schema import LoginConfig
from config.secret_ref import SecretRef, SecretSource

CREDENTIALS = "CREDENTIALS_DIRECTORY"
SECRET_BYTES_MAX = 4096
API_KEY_LENGTH_MIN = 10
FORM = re.compile(r"(env|file|credential):(.+)", re.DOTALL)
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
CREDENTIAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*")


class Secret:
    """A value that only `reveal()` gives away: no log line, dump or pickle does."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the secret itself."""
        return self.__value

    def __repr__(self) -> str:
        return "***"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a secret is not written down")


class Credentials(NamedTuple):
    """What one login signs in with."""

    username: Secret
    api_key: Secret


class Resolved(NamedTuple):
    """Every login's credentials by its name, and what is unwise about how they are kept."""

    logins: dict[str, Credentials]
    warnings: tuple[Problem, ...]


class NotifySecrets(NamedTuple):
    """Where notices go, and whom to tell that all is well."""

    urls: tuple[Secret, ...] = ()
    heartbeat: Secret | None = None


class Configured(Protocol):
    """What `credentials` needs of a loaded configuration."""

    @property
    def logins(self) -> tuple[LoginConfig, ...]:
        """Return the logins."""
        ...

    @property
    def file(self) -> Path:
        """Return the file they stand in."""
        ...


def parse_ref(text: str, key: str = "api_key") -> SecretRef:
    """Read where a secret stands; the complaint never repeats the text: it may be the secret."""
    of_broker = key in Credentials._fields
    variable = f"PROJECT_X_{key.upper()}" if of_broker else f"RISKWARDEN_{key.upper()}"
    example = f'write "env:{variable}"' if key == "urls" else f'write {key} = "env:{variable}"'
    renew = "make a new key at the broker" if of_broker else "make a new one where you got it"
    form = FORM.fullmatch(text)
    if form is None:
        raise Invalid(
            key,
            "is not env:NAME, file:PATH or credential:NAME",
            why="a secret that stands in this file ends up in backups, chats and screenshots",
            mend=f"{example} and set that variable; if others have seen this file, {renew}",
        )
    source, name = SecretSource(form[1]), form[2]
    if source is SecretSource.ENV and not VARIABLE.fullmatch(name):
        raise Invalid(key, "names no environment variable", mend=example)
    if source is SecretSource.CREDENTIAL and not CREDENTIAL.fullmatch(name):
        raise Invalid(key, "names no credential", mend='a plain name: "credential:projectx-key"')
    if source is SecretSource.FILE and (name.startswith("~") or not name.isprintable()):
        raise Invalid(key, "names no file", why="~ is not expanded", mend="write the whole path")
    return SecretRef(source, name)


def resolve(
    ref: SecretRef,
    base_dir: Path,
    *,
    environ: Mapping[str, str] = os.environ,
    where: tuple[str, str] = ("", ""),
    shortest: int = 1,
) -> Secret:
    """Fetch a secret; raise `ConfigError` naming its place, with `where` = (file, key)."""
    text = _content(ref, base_dir, environ, where).strip()
    if not text:
        raise _error(where, f"{ref} is empty", mend=f"put the value into {_place(ref)}")
    if len(text) < shortest:
        raise _error(
            where,
            f"{ref} holds {len(text)} characters; a key has at least {shortest}",
            why="a piece of a key or a placeholder would only fail at the broker",
            mend=f"copy the whole key into {_place(ref)}",
        )
    if not text.isprintable():
        raise _error(where, f"{ref} holds more than one line", mend="keep only the secret in it")
    return Secret(text)


def exposure(
    ref: SecretRef,
    base_dir: Path,
    *,
    environ: Mapping[str, str] = os.environ,
    where: tuple[str, str] = ("", ""),
) -> tuple[Problem, ...]:
    """Warn of a secret's file that other users of the machine can read."""
    path = secret_file(ref, base_dir, environ)
    try:
        about = path.stat() if path is not None and os.name == "posix" else None
    except OSError:  # whoever reads it says why it cannot be
        return ()
    if path is None or about is None or not stat.S_ISREG(about.st_mode):
        return ()
    mode = stat.S_IMODE(about.st_mode)
    if not mode & (stat.S_IRWXG | stat.S_IRWXO):
        return ()
    what = f"{printable(str(path))} is open to other users of this machine (mode {mode:04o})"
    file, key = where
    return (Problem(file=file, key=key, what=what, mend=f"chmod 600 {printable(str(path))}"),)


def credentials(loaded: Configured, environ: Mapping[str, str] = os.environ) -> Resolved:
    """Fetch every login's secrets, or raise `ConfigError` with all that are missing."""
    base_dir = loaded.file.parent
    problems: list[Problem] = []
    warnings: list[Problem] = []
    logins: dict[str, Credentials] = {}
    for login in loaded.logins:
        secrets: list[Secret] = []
        for key, ref, shortest in (
            ("username", login.username, 1),
            ("api_key", login.api_key, API_KEY_LENGTH_MIN),
        ):
            where = (str(loaded.file), dotted(("logins", f"[{login.name}]", key)))
            warnings += exposure(ref, base_dir, environ=environ, where=where)
            try:
                secret = resolve(ref, base_dir, environ=environ, where=where, shortest=shortest)
            except ConfigError as error:
                problems += error.problems
            else:
                secrets.append(secret)
        if len(secrets) == len(Credentials._fields):
            logins[login.name] = Credentials(*secrets)
    if problems:
        raise ConfigError(problems)
    return Resolved(logins, tuple(warnings))


def notify_secrets(
    notify: NotifyConfig, file: Path, environ: Mapping[str, str] = os.environ
) -> NotifySecrets:
    """Fetch the addresses that notices and heartbeats go to, or raise with all that are missing."""
    problems: list[Problem] = []

    def fetched(ref: SecretRef, key: str) -> Secret:
        where = (str(file), dotted(("notify", key)))
        try:
            return resolve(ref, file.parent, environ=environ, where=where)
        except ConfigError as error:
            problems.extend(error.problems)
            return Secret("")

    urls = tuple(fetched(ref, "urls") for ref in notify.urls)
    ref = notify.heartbeat_url
    heartbeat = None if ref is None else fetched(ref, "heartbeat_url")
    if heartbeat is not None and heartbeat.reveal() and not problems:
        try:
            judge_monitor("heartbeat_url", heartbeat.reveal())
        except Invalid as fault:
            key = dotted(("notify", fault.key))
            problems.append(
                Problem(file=str(file), key=key, what=fault.what, why=fault.why, mend=fault.mend)
            )
    if problems:
        raise ConfigError(problems)
    return NotifySecrets(urls, heartbeat)


def secret_file(ref: SecretRef, base_dir: Path, environ: Mapping[str, str]) -> Path | None:
    """Return the file a secret stands in; None for a variable, or without a credentials folder."""
    match ref.source:
        case SecretSource.ENV:
            return None
        case SecretSource.FILE:
            return base_dir / ref.name
        case SecretSource.CREDENTIAL:
            folder = environ.get(CREDENTIALS)
            return Path(folder) / ref.name if folder else None


def _content(
    ref: SecretRef, base_dir: Path, environ: Mapping[str, str], where: tuple[str, str]
) -> str:
    path = secret_file(ref, base_dir, environ)
    if path is not None:
        return _read(path, where)
    if ref.source is SecretSource.CREDENTIAL:
        raise _error(
            where,
            f"{ref} cannot be found: {CREDENTIALS} is not set",
            why="the service manager sets it",
            mend=f"start through systemd with LoadCredential={ref.name}:PATH, or use file:PATH",
        )
    if ref.name not in environ:
        raise _error(
            where,
            f"the environment variable {ref.name} is not set",
            mend=f"export {ref.name}=... before the start, or use file:PATH",
        )
    return environ[ref.name]


def _read(path: Path, where: tuple[str, str]) -> str:
    shown = printable(str(path))
    try:
        if path.exists() and not path.is_file():
            raise _error(where, f"{shown} is no ordinary file", mend="name a file")
        with path.open("rb") as file:
            content = file.read(SECRET_BYTES_MAX + 1)
    except FileNotFoundError as error:
        mend = f"create it with only the secret in it, and chmod 600 {shown}"
        raise _error(where, f"{shown} does not exist", mend=mend) from error
    except OSError as error:
        raise _error(
            where,
            f"{shown} cannot be read: {error.strerror}",
            mend="let the user who runs the guardian own it, with mode 600",
        ) from error
    if len(content) > SECRET_BYTES_MAX:
        raise _error(where, f"{shown} is too long", mend="keep only the secret in it")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:  # its text would show the bytes
        raise _error(where, f"{shown} is not text", mend="save it as UTF-8") from None


def _place(ref: SecretRef) -> str:
    return f"the variable {ref.name}" if ref.source is SecretSource.ENV else ref.name


def _error(where: tuple[str, str], what: str, *, why: str = "", mend: str = "") -> ConfigError:
    file, key = where
    return ConfigError((Problem(file=file, key=key, what=what, why=why, mend=mend),))

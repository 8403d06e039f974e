"""From a file to a configuration, or to everything that is wrong with it.

Nothing is substituted into the text before it is parsed: a ${VAR} means nothing anywhere.
"""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from config.check import judge, warnings
from config.document import MISPLACED, SPECIAL
from config.errors import ConfigError, Problem, printable
from config.read import Reader, Table
from config.schema import LoginConfig, ServiceConfig
from config.text import decoded

PLACE = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)


class Loaded(NamedTuple):
    """A configuration, what may surprise its author, and the file it stands in."""

    config: ServiceConfig
    warnings: tuple[Problem, ...]
    file: Path

    @property
    def logins(self) -> tuple[LoginConfig, ...]:
        """Return the configured logins."""
        return self.config.logins


def load(path: Path) -> Loaded:
    """Read a configuration file; raise `ConfigError` with all of its problems."""
    file = path.absolute()
    return understand(parse(read_text(file), file), file)


def understand(document: Table, file: Path) -> Loaded:
    """Turn parsed TOML into a configuration whose paths are absolute."""
    name = str(file)
    reader = Reader(name, SPECIAL, MISPLACED)
    config = reader.struct(ServiceConfig, document, ())
    judge(reader, document)
    if config is None or reader.problems:
        raise ConfigError(by_table(reader.problems))
    service = replace(config.service, data_dir=file.parent / config.service.data_dir)
    config = replace(config, service=service)
    return Loaded(config, warnings(config, name), file)


def by_table(problems: Iterable[Problem]) -> list[Problem]:
    """Put the problems of one login or account together, each once."""
    groups: dict[str, dict[Problem, None]] = {}
    for problem in problems:
        groups.setdefault(problem.key.partition("]")[0], {})[problem] = None
    return [problem for group in groups.values() for problem in group]


def read_text(file: Path) -> str:
    """Return the file's text."""
    try:
        return decoded(file)
    except FileNotFoundError:
        mend = "copy one of config/defaults/ there, or name another file"
        raise refusal(file, "there is no such file", mend=mend) from None
    except IsADirectoryError:
        raise refusal(file, "is a folder", mend="name the .toml file in it") from None
    except OSError as error:
        mend = "make it a file that the user who runs riskwarden may read, or name another file"
        raise refusal(file, f"cannot be read: {error.strerror}", mend=mend) from None
    except UnicodeDecodeError as error:
        raise refusal(
            file,
            f"is not UTF-8 (byte {error.start + 1})",
            why="TOML is always UTF-8",
            mend="save it as UTF-8 in your editor",
        ) from None


def parse(text: str, file: Path) -> Table:
    """Parse TOML; the text itself is never repeated, since a secret may stand in it."""
    if not text.strip():
        raise refusal(file, "is empty", mend="copy one of config/defaults/")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise refusal(file, "is nested too deeply to be a configuration") from None
    except ValueError as error:
        told = PLACE.fullmatch(str(error))
        what = printable(told[1] if told else str(error))
        lines = text.splitlines()
        line = int(told[2]) if told and told[2] else len(lines)
        column = int(told[3]) if told and told[3] else len(lines[-1]) + 1
        raise refusal(
            file,
            f"{what} (line {line}, column {column})",
            why="this is not TOML",
            mend="text stands in quotes, true and false in small letters, "
            "and a key only once in its table",
            place=(line, column),
        ) from None


def refusal(
    file: Path,
    what: str,
    *,
    why: str = "",
    mend: str = "",
    place: tuple[int, int] | tuple[None, None] = (None, None),
) -> ConfigError:
    """Return the error of a file that cannot be understood at all."""
    line, column = place
    return ConfigError(
        (Problem(file=str(file), key="", what=what, why=why, mend=mend, line=line, column=column),)
    )

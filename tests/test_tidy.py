"""What no reviewer should have to check: sizes, places, names, and what must never be committed."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("protocol", "actors", "config", "ops")
TOP_LEVEL = {
    *PACKAGES,
    *("tests", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Makefile", "uv.lock"),
}
FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 40
BINARY_BYTES_MAX = 200_000
VAGUE_NAMES = {"util", "utils", "helper", "helpers", "manager", "managers", "common"}
CLOCK_FAKERS = {"freezegun", "time_machine", "mock", "unittest.mock"}
# Spelled in pieces, so that this file does not accuse itself.
UNFINISHED = re.compile(rf"\b(?:{'TO'}DO|{'FIX'}ME|{'XX'}X)\b")
FOREIGN_FOLDER = re.compile(f"/{'work'}/")
SECRETS = re.compile(
    r"""-----BEGIN\ [A-Z ]*PRIVATE\ KEY-----
    | \bAKIA[0-9A-Z]{16}\b                                  # AWS
    | \bgh[pousr]_[A-Za-z0-9]{36}                           # GitHub
    | \bxox[abprs]-[A-Za-z0-9-]{10,}                        # Slack
    | \bsk-[A-Za-z0-9_-]{20,}                               # model providers
    | \beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}   # a JWT with a signature
    | \b\d{8,10}:[A-Za-z0-9_-]{35}\b                        # Telegram
    | (?i:api_?key|token|secret|password)["']?\s*[:=]\s*["']?
      (?=[A-Za-z0-9+/_-]*\d)(?=[A-Za-z0-9+/_-]*[A-Za-z])[A-Za-z0-9+/_-]{24,}={0,2}
    """,
    re.VERBOSE,
)


def git_files(*options: str) -> list[str]:
    """List files as git sees them, also where another user owns the checkout."""
    git = ("git", "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "-z", *options)
    listing = subprocess.run(git, check=True, capture_output=True, text=True).stdout
    return sorted(name for name in listing.split("\0") if name and (ROOT / name).is_file())


TRACKED = git_files()
# New files count before they are added: the complaint should come before the commit.
OURS = git_files("--cached", "--others", "--exclude-standard")
SOURCES = [name for name in OURS if name.endswith(".py") and name.split("/")[0] in PACKAGES]
TESTS = [name for name in OURS if name.endswith(".py") and name.startswith("tests/")]


@cache
def parse(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text(encoding="utf-8"))


def texts() -> Iterator[tuple[str, str]]:
    """Yield every text file that people write; a lock file is nobody's prose."""
    for name in OURS:
        content = (ROOT / name).read_bytes()
        if b"\0" not in content and name != "uv.lock":
            yield name, content.decode("utf-8")


def places(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def words(name: str) -> set[str]:
    """Split snake_case and CamelCase into lower-case words."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def registered_rules() -> set[str]:
    # Imported here: without a registry the rules' tests fail, and the others still run.
    return set(import_module("actors.rules").RULES)


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_file_is_short_and_says_what_it_is_for(name: str) -> None:
    lines = len((ROOT / name).read_text(encoding="utf-8").splitlines())

    assert lines <= FILE_LINES_MAX
    assert ast.get_docstring(parse(name)), "a module opens with a docstring"


@pytest.mark.parametrize("name", SOURCES)
def test_a_function_fits_on_a_screen(name: str) -> None:
    lengths = {
        node.name: (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(parse(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {who: n for who, n in lengths.items() if n > FUNCTION_LINES_MAX} == {}


@pytest.mark.parametrize("name", [*SOURCES, *TESTS])
def test_names_say_something(name: str) -> None:
    defined = [
        node.name
        for node in ast.walk(parse(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]

    vague = [
        word for word in (*Path(name).with_suffix("").parts, *defined) if words(word) & VAGUE_NAMES
    ]
    assert vague == []


def test_the_top_level_holds_only_what_belongs_there() -> None:
    top_level = {name.split("/")[0] for name in TRACKED}

    assert {entry for entry in top_level if not entry.startswith(".")} <= TOP_LEVEL


def test_nothing_is_left_unfinished() -> None:
    assert places(UNFINISHED) == []


def test_no_secret_is_committed() -> None:
    assert places(SECRETS) == []


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    assert places(FOREIGN_FOLDER) == []


def test_no_large_binary_is_committed() -> None:
    contents = {name: (ROOT / name).read_bytes() for name in OURS}

    binaries = {name: len(content) for name, content in contents.items() if b"\0" in content}
    assert {name: size for name, size in binaries.items() if size > BINARY_BYTES_MAX} == {}


def test_every_rule_has_its_file_its_test_and_its_heading() -> None:
    headings = set(
        re.findall(r"^## (\w+)$", (ROOT / "config/RULES.md").read_text("utf-8"), re.MULTILINE)
    )

    rules = registered_rules()
    assert rules
    assert {rule for rule in rules if f"actors/rules/{rule}.py" not in OURS} == set()
    assert {rule for rule in rules if f"tests/rules/test_{rule}.py" not in OURS} == set()
    assert rules - headings == set()


def test_the_readme_lists_every_rule() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)

    assert sorted(listed) == sorted(registered_rules())


def test_every_rule_file_is_registered() -> None:
    files = [name for name in SOURCES if Path(name).parent == Path("actors/rules")]
    defining = {Path(name).stem for name in files if defines_a_rule(parse(name))}

    assert defining - registered_rules() == set()


def test_every_decision_has_a_number_of_its_own_and_is_referred_to_by_it() -> None:
    files = [Path(name) for name in OURS if re.fullmatch(r"ops/adr/\d{4}-.+\.md", name)]
    numbers = [path.name[:4] for path in files]
    opens = [(ROOT / path).read_text("utf-8").split(": ")[0] for path in files]
    asked = {one for _, text in texts() for one in re.findall(r"(?:ADR |\badr/)(\d{4})", text)}

    assert files
    assert opens == [f"# {number}" for number in sorted(set(numbers))]
    assert asked - set(numbers) == set()


def defines_a_rule(module: ast.Module) -> bool:
    """Tell whether a module assigns `RULE` at its top level."""
    targets: list[ast.expr] = []
    for node in module.body:
        if isinstance(node, ast.Assign):
            targets += node.targets
        elif isinstance(node, ast.AnnAssign):
            targets.append(node.target)
    return any(isinstance(target, ast.Name) and target.id == "RULE" for target in targets)


@pytest.mark.parametrize("name", TESTS)
def test_no_test_mocks_or_bends_the_clock(name: str) -> None:
    nodes = list(ast.walk(parse(name)))
    imported = {module for node in nodes for module in imports(node)}
    patched = [
        ast.unparse(node) for node in nodes if isinstance(node, ast.Call) and patches_time(node)
    ]

    assert imported & CLOCK_FAKERS == set()
    assert patched == []


def imports(node: ast.AST) -> set[str]:
    """Name what an import brings in, both as a module and as a module's member."""
    match node:
        case ast.Import():
            return {alias.name for alias in node.names}
        case ast.ImportFrom(module=str(module)):
            return {module, *(f"{module}.{alias.name}" for alias in node.names)}
        case _:
            return set()


def patches_time(call: ast.Call) -> bool:
    """Tell whether a call is `monkeypatch.setattr` on anything of `time` or `datetime`."""
    if not (isinstance(call.func, ast.Attribute) and call.func.attr == "setattr"):
        return False
    target = ", ".join(ast.unparse(argument) for argument in call.args[:2])
    return re.search(r"\b(?:time|datetime)\b", target) is not None


@pytest.mark.parametrize("package", PACKAGES)
def test_nobody_else_owns_our_names(package: str) -> None:
    assert set(packages_distributions().get(package, ())) <= {"riskwarden"}


@pytest.mark.parametrize(
    "line",
    [
        'api_key = "Zk3' + 'v9Qw1Lr8Ty5Ub2Nm7Xc4Va6="',
        "PROJECT_X_API_KEY=" + "Zk3v9Qw1Lr8Ty5Ub2Nm7Xc4Va6Po0Hd",
        "ghp_" + "a1" * 18,
        "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
        "12345678:" + "AA_bc" * 7,
    ],
)
def test_the_search_for_secrets_finds(line: str) -> None:
    assert SECRETS.search(line)


@pytest.mark.parametrize(
    "line",
    [
        'api_key = "your-api-key"',
        "token = read_credential(login.name, environment)",
        "password_file = /etc/riskwarden/credentials/password",
        'api_key = "simulated-gateway-api-key"',
    ],
)
def test_the_search_for_secrets_passes_by(line: str) -> None:
    assert not SECRETS.search(line)

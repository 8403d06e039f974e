"""From a file to a configuration: what may go wrong before a key is read, and what is only odd."""

from collections.abc import Callable
from pathlib import Path

import pytest

import config
from actors.rules import RULES
from actors.rules.rule import Mode
from config.errors import ConfigError, Problem, render_text
from config.load import load
from config.schema import API_URL, MARKET_HUB_URL, USER_HUB_URL, ServiceConfig

type Write = Callable[..., Path]

DEFAULTS = sorted((Path(config.__file__).parent / "defaults").glob("*.toml"))
ACCOUNT = 'login = "main"\nid = 1001\n'
REALIZED = "[accounts.rules.daily_realized_loss]\nlimit = -500\n"
UNREALIZED = "[accounts.rules.daily_unrealized_loss]\n"


def refusal(path: Path) -> Problem:
    with pytest.raises(ConfigError) as caught:
        load(path)
    (problem,) = caught.value.problems
    return problem


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    problem = refusal(tmp_path / "nowhere.toml")

    assert problem.what == "there is no such file"
    assert problem.file == str(tmp_path / "nowhere.toml")


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    assert refusal(tmp_path).what == "is a folder"


@pytest.mark.parametrize("content", ["", " \n\t\n", "\ufeff"])
def test_an_empty_file_is_empty(tmp_path: Path, content: str) -> None:
    path = tmp_path / "empty.toml"
    path.write_text(content, encoding="utf-8")

    assert refusal(path).what == "is empty"


def test_comments_alone_lack_everything(tmp_path: Path) -> None:
    path = tmp_path / "comments.toml"
    path.write_text("# nothing yet\n")

    with pytest.raises(ConfigError) as caught:
        load(path)

    assert [(one.key, one.mend) for one in caught.value.problems] == [
        ("logins", "write [[logins]] above each of them"),
        ("accounts", "write [[accounts]] above each of them"),
    ]


def test_another_encoding_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes("# Käse".encode("latin-1"))

    assert refusal(path).what == "is not UTF-8 (byte 4)"


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    loop = tmp_path / "loop.toml"
    loop.symlink_to(loop)

    assert refusal(loop).what.startswith("cannot be read: ")
    assert "the user who runs riskwarden" in refusal(loop).mend


def test_a_file_without_end_is_too_large_and_not_read_to_its_end() -> None:
    problem = refusal(Path("/dev/zero"))

    assert problem.what == "cannot be read: it is larger than 4 MB"
    assert "name another file" in problem.mend


def test_a_file_of_many_accounts_is_not_too_large(write: Write) -> None:
    assert load(write(end="# a comment\n" * 250_000)).warnings == ()


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("[service\n", 1, 9),
        ("[service]\nhttp = localhost\n", 2, 8),
        ("[service]\n\nhttp = True", 3, 8),
        ("[service]\n[service]\n", 2, 9),
        ("a = 1\na = 2\n", 2, 6),
        ("[a]\nb = {", 2, 6),
        ('a = "secret-half', 1, 17),
    ],
)
def test_a_syntax_error_carries_line_and_column(
    tmp_path: Path, text: str, line: int, column: int
) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(text)

    problem = refusal(path)

    assert (problem.line, problem.column) == (line, column)
    assert f"line {line}, column {column}" in str(ConfigError((problem,)))
    assert "secret" not in str(ConfigError((problem,)))


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "9" * 5_000])
def test_a_hostile_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "hostile.toml"
    path.write_text(text)

    assert refusal(path).file == str(path)


def test_a_variable_in_a_comment_is_harmless(write: Write) -> None:
    assert load(write(end="# ${HOME} ${UNSET} $(rm)")).config.accounts[0].id == 1001


def test_editors_marks_and_line_ends_are_taken(write: Write) -> None:
    path = write()
    text = path.read_text(encoding="utf-8")
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())

    assert load(path).config.accounts[0].id == 1001


def test_what_is_left_out_has_the_documented_default(write: Write, tmp_path: Path) -> None:
    loaded = load(write())

    login, account = loaded.config.logins[0], loaded.config.accounts[0]
    assert loaded.file == tmp_path / "riskwarden.toml"
    assert loaded.config.service.data_dir == tmp_path / "var"
    assert (loaded.config.service.http_host, loaded.config.service.http_port) == ("127.0.0.1", 8484)
    assert (login.api_url, login.user_hub_url, login.market_hub_url) == (
        API_URL,
        USER_HUB_URL,
        MARKET_HUB_URL,
    )
    assert (account.mode.value, account.mark.value, account.include_fees) == (
        "enforce",
        "last",
        True,
    )
    assert (account.reset.at, account.reset.zone) == ("0 17 * * *", "America/Chicago")
    assert loaded.warnings == ()


def test_the_data_folder_hangs_on_the_file_and_not_on_the_process(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(service='data_dir = "keep/here"')
    monkeypatch.chdir(tmp_path.parent)

    loaded = load(path.relative_to(tmp_path.parent))

    assert loaded.config.service.data_dir == tmp_path / "keep" / "here"


@pytest.mark.parametrize("address", ["127.0.0.1:0", "localhost:80", "[::1]:8484", "127.1.2.3:9"])
def test_every_address_of_this_machine_may_serve(write: Write, address: str) -> None:
    service = load(write(service=f'http = "{address}"')).config.service

    assert f"{service.http_host}:{service.http_port}" == address.replace("[", "").replace("]", "")


def test_an_address_is_taken_as_a_browser_writes_it(write: Write) -> None:
    service = load(write(service='http = "[0:0:0:0:0:0:0:1]:8484"')).config.service

    assert service.http_host == "::1"


@pytest.mark.parametrize("host", ["localhost:9000", "127.0.0.1:9000", "[::1]:9000"])
def test_http_is_fine_on_this_machine(write: Write, host: str) -> None:
    login = f'name = "main"\nusername = "env:U"\napi_key = "env:K"\napi_url = "http://{host}/api"'

    assert load(write(login=login)).config.logins[0].api_url == f"http://{host}/api"


@pytest.mark.parametrize("path", DEFAULTS, ids=lambda path: path.stem)
def test_every_example_loads(path: Path) -> None:
    assert load(path).config.accounts


def test_the_examples_are_those_that_are_promised() -> None:
    names = [path.stem for path in DEFAULTS]

    assert names == ["five-accounts", "practice", "simulator", "two-logins"]


@pytest.mark.parametrize(
    ("parts", "key", "told"),
    [
        ({"account": ACCOUNT + 'mode = "shadow"'}, "accounts[1001].mode", "nothing is enforced"),
        ({"rules": REALIZED + 'mode = "shadow"'},
         "accounts[1001].rules.daily_realized_loss.mode", "not enforced"),
        ({"rules": REALIZED + UNREALIZED + "limit = -500"},
         "accounts[1001].rules.daily_unrealized_loss.limit",
         "the combined check of daily_realized_loss fires first"),
        ({"account": ACCOUNT + 'reset = { at = "0 17 * * 1-5" }'}, "accounts[1001].reset.at",
         "does not end a trading day every day"),
        ({"end": '[[logins]]\nname = "spare"\nusername = "env:U"\napi_key = "env:K"'},
         "logins[spare]", "no account uses"),
    ],
)  # fmt: skip
def test_what_is_odd_is_a_warning(write: Write, parts: dict[str, str], key: str, told: str) -> None:
    warnings = load(write(**parts)).warnings

    assert [warning.key for warning in warnings] == [key]
    assert told in render_text(warnings, "warning")


@pytest.mark.parametrize(
    "rules",
    [REALIZED + UNREALIZED + "limit = -499.99", REALIZED + "combined = false\n" + UNREALIZED
     + "limit = -800"],
)  # fmt: skip
def test_limits_that_can_both_act_are_no_warning(write: Write, rules: str) -> None:
    assert load(write(rules=rules)).warnings == ()


def test_a_rule_is_in_shadow_if_its_account_is(write: Write) -> None:
    account = load(write(account=ACCOUNT + 'mode = "shadow"')).config.accounts[0]

    assert [account.mode_of(rule) for rule in account.rules] == [Mode.SHADOW]
    assert account.label == "1001"


def test_two_logins_may_have_accounts_of_one_name(write: Write) -> None:
    end = (
        '[[logins]]\nname = "other"\nusername = "env:U"\napi_key = "env:K"\n'
        f'[[accounts]]\nlogin = "other"\nname = "A"\n{REALIZED}'
    )

    accounts = load(write(account='login = "main"\nname = "A"', end=end)).config.accounts

    assert [(account.login, account.label) for account in accounts] == [
        ("main", '"A"'),
        ("other", '"A"'),
    ]


PRODUCTS = "[accounts.rules.max_contracts_per_instrument]\n"
TOTAL = "[accounts.rules.max_contracts]\nlimit = 3\n"


@pytest.mark.parametrize(
    ("total", "products", "keys"),
    [
        (TOTAL, "limits = { MNQ = 3, ES = 1 }", []),
        (TOTAL, "limits = { MNQ = 4, ES = 1 }", ["limits.MNQ"]),
        (TOTAL, 'limits = { ES = 1 }\nunknown_symbol = "limit:9"', ["unknown_symbol"]),
        (TOTAL, 'limits = { ES = 1 }\nunknown_symbol = "allow"', []),
        (TOTAL + "weights = { MNQ = 0.1 }\n", "limits = { MNQ = 30 }", []),
        (TOTAL + "weights = { MNQ = 0.1, EP = 2 }\n", "limits = { MNQ = 31, ES = 2 }",
         ["limits.MNQ", "limits.ES"]),
        (TOTAL + 'count = "gross"\n', "limits = { MNQ = 4 }", ["limits.MNQ"]),
    ],
)  # fmt: skip
def test_a_product_that_may_hold_more_than_the_account_is_a_warning(
    write: Write, total: str, products: str, keys: list[str]
) -> None:
    loaded = load(write(rules=total + PRODUCTS + products))

    place = "accounts[1001].rules.max_contracts_per_instrument."
    assert [one.key.removeprefix(place) for one in loaded.warnings] == keys


def example(name: str) -> ServiceConfig:
    return load(next(path for path in DEFAULTS if path.stem == name)).config


def test_the_examples_are_of_a_careful_trader_of_five_accounts_and_of_two_logins() -> None:
    careful, five, two = map(example, ("practice", "five-accounts", "two-logins"))

    (account,) = careful.accounts
    assert set(RULES) - set(account.rules) == {"trade_management"}
    assert account.mode is Mode.SHADOW
    assert (len(five.logins), len(five.accounts)) == (1, 5)
    assert len({one.login for one in two.accounts}) == len(two.logins) == 2


def test_the_careful_example_may_be_enforced_with_every_rule(tmp_path: Path) -> None:
    text = next(path for path in DEFAULTS if path.stem == "practice").read_text("utf-8")
    path = tmp_path / "riskwarden.toml"
    enforced = text.replace('mode = "shadow"', 'mode = "enforce"')
    path.write_text(enforced.replace("# [accounts.rules.", "[accounts.rules."), encoding="utf-8")

    loaded = load(path)

    assert set(loaded.config.accounts[0].rules) == set(RULES)
    assert loaded.warnings == ()

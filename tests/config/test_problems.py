"""What is refused, under which key, and with which remedy."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from config.errors import ConfigError, Problem, render_json
from config.load import load

type Judge = Callable[..., tuple[Problem, ...]]
type Write = Callable[..., Path]

LOGIN = 'name = "main"\n'
PLACES = 'username = "env:U"\napi_key = "env:K"\n'
ACCOUNT = 'login = "main"\nid = 1001\n'
REALIZED = "[accounts.rules.daily_realized_loss]\n"
UNREALIZED = "[accounts.rules.daily_unrealized_loss]\n"
CONTRACTS = "[accounts.rules.max_contracts]\n"
MANAGEMENT = "[accounts.rules.trade_management]\n"
PER_PRODUCT = "[accounts.rules.max_contracts_per_instrument]\n"
RULE = "accounts[1001].rules"


def second(account: str) -> dict[str, str]:
    return {"end": f"[[accounts]]\n{account}\n{REALIZED}limit = -1"}


@pytest.mark.parametrize(
    ("parts", "key", "told"),
    [
        # Keys, tables, types
        ({"service": "htpp = 1"}, "service.htpp", "did you mean http?"),
        ({"service": "zzz = 1"}, "service.zzz", "known here: data_dir, http, otlp"),
        ({"end": "[alerts]"}, "alerts", "unknown key"),
        ({"service": '"a b\\u001b" = 1'}, r'service."a b\\x1b"', "unknown key"),
        ({"account": ACCOUNT + "includ_fees = true"}, "accounts[1001].includ_fees", "include_fees"),
        ({"rules": REALIZED + "limit = -5\ncombned = true"}, f"{RULE}.daily_realized_loss.combned",
         "did you mean combined?"),
        ({"service": "http = 8484"}, "service.http", "expected text in quotes, got a whole number"),
        ({"service": "data_dir = 5"}, "service.data_dir", "expected a path in quotes"),
        ({"service": 'data_dir = ""'}, "service.data_dir", "folder"),
        ({"service": 'data_dir = "~/x"'}, "service.data_dir", "whole path"),
        ({"account": 'login = "main"\nid = "1001"'}, "accounts[#1].id", "got text"),
        ({"account": 'login = "main"\nid = 0'}, "accounts[0].id", "no account's number"),
        ({"account": f'login = "main"\nid = {10**30}'}, "accounts[#1].id", "too large"),
        ({"account": 'login = "main"\nname = " "'}, 'accounts[" "].name', "not a name"),
        ({"account": ACCOUNT + "include_fees = 1"}, "accounts[1001].include_fees", "true or false"),
        ({"account": ACCOUNT + 'mode = "shadw"'}, "accounts[1001].mode", "did you mean shadow?"),
        ({"account": ACCOUNT + 'mark = "ask"'}, "accounts[1001].mark", '"last", "mid", "exit'),
        ({"account": ACCOUNT + "mark = 17:00:00"}, "accounts[1001].mark", "got a time"),
        # Resets
        ({"account": ACCOUNT + 'reset = "17:00"'}, "accounts[1001].reset", "expected a table"),
        ({"account": ACCOUNT + 'reset = "17:00"'}, "accounts[1001].reset", "[accounts.reset]"),
        ({"account": ACCOUNT + "feed = 5"}, "accounts[1001].feed", "write [accounts.feed] above"),
        ({"account": ACCOUNT + 'reset = { zone = "America/Chicgo" }'}, "accounts[1001].reset.zone",
         "did you mean 'America/Chicago'?"),
        ({"account": ACCOUNT + 'reset = { zone = "new york" }'}, "accounts[1001].reset.zone",
         "did you mean 'America/New_York'?"),
        ({"account": ACCOUNT + 'reset = { zone = "../etc" }'}, "accounts[1001].reset.zone", "time"),
        ({"account": ACCOUNT + 'reset = { at = "0 99 * * *" }'}, "accounts[1001].reset.at",
         "no date or time of day"),
        ({"account": ACCOUNT + 'reset = { at = "0 17 30 2 *" }'}, "accounts[1001].reset.at",
         "never comes"),
        ({"account": ACCOUNT + 'reset = { at = "17:00" }'}, "accounts[1001].reset.at", "needs 5"),
        ({"account": ACCOUNT + 'reset = { at = "0 17 * * 6/1" }'}, "accounts[1001].reset.at",
         "programs read differently"),
        ({"account": ACCOUNT + 'reset = { at = "0 0 17 * * *" }'}, "accounts[1001].reset.at",
         "needs 5"),
        ({"account": ACCOUNT + 'reset = { at = "0 9,17 * * *" }'}, "accounts[1001].reset.at",
         "more than once on a date"),
        ({"account": ACCOUNT + "reset = { on = 1 }"}, "accounts[1001].reset.on", "unknown key"),
        # Secrets
        ({"login": LOGIN + 'username = "env:U"\napi_key = "hunter2hunter2"'},
         "logins[main].api_key", "is not env:NAME, file:PATH or credential:NAME"),
        ({"login": LOGIN + 'username = "bob"\napi_key = "env:K"'}, "logins[main].username",
         'write username = "env:PROJECT_X_USERNAME"'),
        ({"login": LOGIN + 'username = 5\napi_key = "env:K"'}, "logins[main].username", "env:NAME"),
        ({"login": LOGIN + 'username = "env:${U}"\napi_key = "env:K"'}, "logins[main].username",
         "no environment variable"),
        ({"login": LOGIN + 'username = "credential:../x"\napi_key = "env:K"'},
         "logins[main].username", "names no credential"),
        ({"login": LOGIN + 'username = "file:~/x"\napi_key = "env:K"'}, "logins[main].username",
         "whole path"),
        ({"login": LOGIN + 'username = "env:U"'}, "logins[main].api_key", "is missing"),
        # Addresses
        ({"login": LOGIN + PLACES + 'api_url = "http://gw.example/api"'}, "logins[main].api_url",
         "in clear"),
        ({"login": LOGIN + PLACES + 'user_hub_url = "http://127.0.0.1.evil.example/"'},
         "logins[main].user_hub_url", "in clear"),
        ({"login": LOGIN + PLACES + 'market_hub_url = "wss://x.example"'},
         "logins[main].market_hub_url", "not a web address"),
        ({"login": LOGIN + PLACES + 'api_url = "https://"'}, "logins[main].api_url",
         "names a host"),
        ({"login": LOGIN + PLACES + 'api_url = "https://x:99999"'}, "logins[main].api_url",
         "not a web address"),
        ({"login": LOGIN + PLACES + 'api_url = "http://127.0.0.1@evil.example"'},
         "logins[main].api_url", "more than host and path"),
        ({"service": 'http = "0.0.0.0:8484"'}, "service.http", "from other machines"),
        ({"service": 'http = "[::]:8484"'}, "service.http", "from other machines"),
        ({"service": 'http = "192.168.1.2:8484"'}, "service.http", "through SSH"),
        ({"service": 'http = "128.0.0.1:8484"'}, "service.http", "from other machines"),
        ({"service": 'http = "[::ffff:7f00:1]:8484"'}, "service.http", "no address and port"),
        ({"service": 'http = "127.1:8484"'}, "service.http", "no address and port"),
        ({"service": 'http = "trader.example:80"'}, "service.http", "no address and port"),
        ({"service": 'http = "127.0.0.1"'}, "service.http", "no address and port"),
        ({"service": 'http = "127.0.0.1:65536"'}, "service.http", "no address and port"),
        ({"service": 'otlp = "127.0.0.1:4318"'}, "service.otlp", "not a web address"),
        ({"service": 'otlp = "grpc://127.0.0.1:4317"'}, "service.otlp", "not a web address"),
        ({"service": 'otlp = "http://"'}, "service.otlp", "4318"),
        ({"service": 'otlp = "https://me:it@collector.example"'}, "service.otlp", "leave out user"),
        # Logins and accounts
        ({"login": 'name = "a b"\n' + PLACES, "account": 'login = "a b"\nid = 1001'},
         'logins["a b"].name', "at most 32 letters"),
        ({"end": f"[[logins]]\n{LOGIN}{PLACES}"}, "logins[main].name", "2 logins have this name"),
        ({"account": 'login = "mian"\nid = 1001'}, "accounts[1001].login", "did you mean main?"),
        ({"account": "id = 1001"}, "accounts[1001].login", "is missing"),
        (second(ACCOUNT), "accounts[1001]", "more than once"),
        ({"account": 'login = "main"\nname = "A"', **second('login = "main"\nname = "A"')},
         "accounts[A]", "more than once"),
        ({"account": ACCOUNT + 'name = "A"'}, "accounts[1001]", "both id and name"),
        ({"account": 'login = "main"'}, "accounts[#1]", "neither id nor name"),
        # Rules
        ({"rules": ""}, "accounts[1001].rules", "not guarded"),
        ({"rules": "[accounts.rules]"}, "accounts[1001].rules", "not guarded"),
        ({"rules": "rules = 5"}, "accounts[1001].rules", "[accounts.rules.NAME]"),
        ({"rules": "[accounts.rules]\ndaily_realized_loss = -500"}, f"{RULE}.daily_realized_loss",
         "write [accounts.rules.daily_realized_loss]"),
        ({"rules": "[accounts.rules.daily_realised_loss]\nlimit = -5"},
         f"{RULE}.daily_realised_loss", "did you mean daily_realized_loss?"),
        ({"rules": "[accounts.rules.zzz]\nlimit = -5"}, f"{RULE}.zzz", "known rules: auth_"),
        ({"end": "[accounts.max_contracts]\nlimit = 1"}, "accounts[1001].max_contracts",
         "[accounts.rules.max_contracts]"),
        ({"rules": REALIZED}, f"{RULE}.daily_realized_loss.limit", "is missing"),
        ({"rules": REALIZED + "limit = 500"}, f"{RULE}.daily_realized_loss.limit", "below 0"),
        ({"rules": UNREALIZED + "limit = 0"}, f"{RULE}.daily_unrealized_loss.limit", "below 0"),
        ({"rules": REALIZED + "limit = -0.00001"}, f"{RULE}.daily_realized_loss.limit",
         "more than four decimals"),
        ({"rules": REALIZED + 'limit = "-5.00000000000000000000000000000000000001"'},
         f"{RULE}.daily_realized_loss.limit", "more than four decimals"),
        ({"rules": REALIZED + "limit = -inf"}, f"{RULE}.daily_realized_loss.limit", "finite"),
        ({"rules": REALIZED + 'limit = "sNaN"'}, f"{RULE}.daily_realized_loss.limit", "finite"),
        ({"rules": REALIZED + 'limit = "-1e9999999"'}, f"{RULE}.daily_realized_loss.limit",
         "too large"),
        ({"rules": REALIZED + 'limit = "five"'}, f"{RULE}.daily_realized_loss.limit", "a number"),
        ({"rules": REALIZED + "limit = true"}, f"{RULE}.daily_realized_loss.limit", "a number"),
        ({"rules": MANAGEMENT + "auto_target_ticks = 40"},
         f"{RULE}.trade_management.auto_target_ticks",
         "left out on purpose: riskwarden places no targets"),
        ({"rules": MANAGEMENT + "auto_target_ticks = 40"},
         f"{RULE}.trade_management.auto_target_ticks", "can both fill, and turn the position"),
        ({"rules": MANAGEMENT + "auto_target_ticks = 40"},
         f"{RULE}.trade_management.auto_target_ticks", "let max_unrealized_profit close"),
        ({"rules": CONTRACTS + "limit = 0"}, f"{RULE}.max_contracts.limit", "greater than 0"),
        ({"rules": CONTRACTS + "limit = 1.5"}, f"{RULE}.max_contracts.limit", "whole number"),
        ({"rules": CONTRACTS + 'limit = 1\ncount = "both"'}, f"{RULE}.max_contracts.count",
         "none of net, gross"),
        ({"rules": CONTRACTS + 'limit = 1\nweights = { MNQ = "x" }'},
         f"{RULE}.max_contracts.weights.MNQ", "got text"),
        ({"rules": CONTRACTS + "limit = 1\nweights = { MNQ = 0 }"},
         f"{RULE}.max_contracts.weights.MNQ", "greater than 0"),
        ({"rules": CONTRACTS + "limit = 1\nweights = { ES = 10, EP = 1 }"},
         f"{RULE}.max_contracts.weights.EP", "is the same product as ES"),
        ({"rules": CONTRACTS + 'limit = 1\nweights = { "M*" = 1 }'},
         f"{RULE}.max_contracts.weights.M*", "is no product"),
        ({"rules": PER_PRODUCT + "limits = { NQ = 1, enq = 2 }"},
         f"{RULE}.max_contracts_per_instrument.limits.enq", "is the same product as NQ"),
        ({"rules": CONTRACTS + "limit = 1\nweights = [1]"}, f"{RULE}.max_contracts.weights",
         "expected a table"),
    ],
)  # fmt: skip
def test_a_mistake_is_found_where_it_stands(
    judge: Judge, parts: dict[str, str], key: str, told: str
) -> None:
    problems = judge(**parts)

    assert [problem.key for problem in problems] == [key]
    assert told in f"{problems[0].what} {problems[0].why} {problems[0].mend}"
    assert problems[0].file.endswith("riskwarden.toml")


def test_the_table_above_bends_what_loads(judge: Judge) -> None:
    assert judge() == ()


def test_all_mistakes_of_all_tables_come_at_once(judge: Judge) -> None:
    problems = judge(
        service='http = "0.0.0.0:1"\nzzz = 1',
        login=LOGIN + 'username = "bob"\napi_url = "http://x.example"\nmarket_hub_url = "x"',
        account=ACCOUNT + 'mode = "off"\nreset = { at = "x", zone = "y", z = 1 }',
        rules=CONTRACTS
        + 'limit = 0\ncount = "x"\nweights = { A = -1 }\n'
        + REALIZED
        + "limit = 1\nx = 1",
        end='[[accounts]]\nlogin = "nobody"\nid = 2\nrules = {}',
    )

    assert sorted(problem.key for problem in problems) == sorted(
        [
            *("service.http", "service.zzz"),
            *(f"logins[main].{key}" for key in ("username", "api_url", "market_hub_url")),
            *("logins[main].api_key", "accounts[1001].mode"),
            *(f"accounts[1001].reset.{key}" for key in ("at", "zone", "z")),
            *(f"{RULE}.max_contracts.{key}" for key in ("limit", "count", "weights.A")),
            *(f"{RULE}.daily_realized_loss.{key}" for key in ("limit", "x")),
            *("accounts[2].login", "accounts[2].rules"),
        ]
    )


def test_all_mistakes_within_one_table_of_ones_own_keys_come_at_once(judge: Judge) -> None:
    problems = judge(
        rules=CONTRACTS
        + 'limit = 1\nweights = { MNQ = -1, "x y" = 1, MES = 0, ES = 2 }\n'
        + PER_PRODUCT
        + "limits = { MNQ = -1, MES = -2 }\n"
        + "[accounts.rules.cooldown_after_loss]\ntiers = { 5m = 100, 6 = -200, 7m = -300 }\n"
        + "[accounts.rules.session_block_outside]\n"
        + 'calendar = "cme_equity"\n'
        + 'windows = [{ start = "8:30", end = "25:00", days = ["mo"] },'
        + ' { start = "08:61", end = 9 }]'
    )

    window = f"{RULE}.session_block_outside.windows"
    assert sorted(problem.key for problem in problems) == sorted(
        [
            *(f"{RULE}.max_contracts.weights.{key}" for key in ("MNQ", "MES", "x y")),
            *(f"{RULE}.max_contracts_per_instrument.limits.{key}" for key in ("MNQ", "MES")),
            *(f"{RULE}.cooldown_after_loss.tiers.{key}" for key in ("5m", "6")),
            *(f"{window}[#1].{key}" for key in ("start", "end", "days")),
            *(f"{window}[#2].{key}" for key in ("start", "end")),
        ]
    )


def test_tables_of_the_wrong_shape_are_named(judge: Judge, tmp_path: Path) -> None:
    path = tmp_path / "flat.toml"
    path.write_text('service = 1\nlogins = [1]\n[accounts]\nlogin = "main"')

    with pytest.raises(ConfigError) as caught:
        load(path)

    assert {problem.key: problem.mend for problem in caught.value.problems} == {
        "service": "write [service] above its keys",
        "logins[#1]": "write [[logins]] above its keys",
        "accounts": "write [[accounts]] above each of them",
    }
    assert judge() == ()


def test_a_secret_in_the_file_is_not_repeated(judge: Judge) -> None:
    problems = judge(login=LOGIN + 'username = "hunter2"\napi_key = "env:hunter2+hunter2"')

    assert len(problems) == 2
    assert "hunter2" not in str(ConfigError(problems))


def test_an_error_reads_well_and_encodes(judge: Judge) -> None:
    error = ConfigError(judge(rules=REALIZED + "limit = 500"))

    assert str(error).splitlines()[1:] == [
        "",
        "  accounts[1001].rules.daily_realized_loss.limit",
        "    what: 500 must be below 0",
        "    mend: a loss of $500 is -500",
    ]
    assert msgspec.json.decode(render_json(error.problems))["problems"] == [
        {
            "file": error.problems[0].file,
            "key": "accounts[1001].rules.daily_realized_loss.limit",
            "what": "500 must be below 0",
            "mend": "a loss of $500 is -500",
        }
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("-500", "-500"), ("-500.1", "-500.1"), ('"-500.1234"', "-500.1234"), ("-1e3", "-1000")],
)
def test_money_is_exact_however_it_is_written(write: Write, written: str, meant: str) -> None:
    config = load(write(rules=f"{REALIZED}limit = {written}")).config

    (rule,) = config.accounts[0].rules.values()
    assert getattr(rule, "limit") == Decimal(meant)  # noqa: B009  (the registry's type is open)

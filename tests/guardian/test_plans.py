"""Whom a desk guards, by what is configured, remembered and locked: on real stores."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from actors.adapters.clock import now
from actors.adapters.retention import Retention
from actors.adapters.storage import Batch, Storage
from actors.adapters.store import Store
from actors.lockout import Kept
from actors.plan import settings_of
from actors.rules.rule import Mode
from config.load import load
from config.schema import ServiceConfig
from ops.desk.identities import Identity, recall, remember
from ops.desk.names import learn
from ops.desk.plans import Ward, orphans, stand_up, wanted_plan
from ops.desk.recall import recall_day
from ops.desk.reloads import Guarded, overtaken, wishes
from ops.desk.status import History
from ops.desk.stores import folder, locks_held, open_store
from protocol.account_facts import AccountSeen
from protocol.lockouts import Lock, LockKind
from protocol.settings import KeptSettings
from protocol.units import SECOND, AccountId, Nanos, RuleName
from tests.guardian.service import RULES, account, login

NOWHERE = "http://127.0.0.1:1"
ONE, TWO = AccountId(1001), AccountId(1002)

type Configure = Callable[..., ServiceConfig]


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Return what reads a configuration made of these parts."""

    def read(*parts: str) -> ServiceConfig:
        file = tmp_path / "riskwarden.toml"
        file.write_text("".join(parts), encoding="utf-8")
        config = load(file).config
        (config.service.data_dir / "accounts").mkdir(parents=True, exist_ok=True)
        return config

    return read


def lock(config: ServiceConfig, account_id: AccountId, seconds: float = 3_600) -> None:
    """Leave a lock behind, as a desk does that ends."""
    wall = now().wall
    held = Lock(
        account_id=account_id,
        rule=RuleName("daily_realized_loss"),
        kind=LockKind.HARD,
        scope=None,
        reason="lost too much",
        since=wall,
        until=Nanos(wall + int(seconds * SECOND)),
    )
    store = Store.open(folder(config.service.data_dir, account_id), account_id)
    states = ((f"account/{account_id}/lockout", Kept((held,))),)
    store.commit(Batch(account_id=account_id, states=states))
    store.close()


def close(*stores: Storage) -> None:
    for store in stores:
        store.close()


def seen(account_id: AccountId, name: str) -> AccountSeen:
    return AccountSeen(account_id=account_id, name=name)


def test_a_locked_account_that_was_removed_is_guarded_without_rules(configure: Configure) -> None:
    config = configure(login(NOWHERE), account())
    lock(config, TWO)

    wards, nameless = stand_up(config, "main", {}, now().wall)

    assert [(ward.plan.account_id, ward.held) for ward in wards] == [(ONE, False), (TWO, True)]
    assert wards[1].plan.rules == {}
    assert "lost too much" in wards[1].alarms[0]
    assert nameless == []
    close(*(ward.store for ward in wards))


def test_a_lock_that_ran_out_holds_until_two_clocks_have_said_so(configure: Configure) -> None:
    config = configure(login(NOWHERE), account(more='mode = "shadow"'))
    lock(config, ONE, seconds=-1)
    lock(config, TWO, seconds=-1)

    wards, _ = stand_up(config, "main", {}, now().wall)
    assert [(ward.plan.account_id, ward.plan.mode) for ward in wards] == [
        (ONE, Mode.ENFORCE),
        (TWO, Mode.ENFORCE),
    ]

    states = {f"account/{one}/settings": held(wards, one) for one in (ONE, TWO)}
    locked = {f"account/{one}/lockout": still_locked(wards, one) for one in (ONE, TWO)}
    free = {f"account/{one}/lockout": Kept() for one in (ONE, TWO)}
    assert not overtaken(wards, config, "main", {}, states | locked)
    assert overtaken(wards, config, "main", {}, states | free)
    close(*(ward.store for ward in wards))


def held(wards: list[Ward], account_id: AccountId) -> KeptSettings:
    (plan,) = [ward.plan for ward in wards if ward.plan.account_id == account_id]
    return KeptSettings(day=Nanos(0), held=settings_of(plan))


def still_locked(wards: list[Ward], account_id: AccountId) -> Kept:
    (store,) = [ward.store for ward in wards if ward.plan.account_id == account_id]
    return Kept(tuple(locks_held(store.load_states(), account_id)))


def test_shadow_waits_for_the_end_of_the_locks(configure: Configure) -> None:
    config = configure(login(NOWHERE), account(more='mode = "shadow"'))
    lock(config, ONE)

    (ward,), _ = stand_up(config, "main", {}, now().wall)

    assert (ward.plan.mode, ward.held) == (Mode.ENFORCE, True)
    close(ward.store)


def test_an_account_falls_to_the_login_it_had_or_else_to_the_first(configure: Configure) -> None:
    config = configure(
        login(NOWHERE), login(NOWHERE, "second"), account(), account("id = 1003", "second")
    )
    lock(config, TWO)

    had = {TWO: Identity(id=TWO, login="second")}
    gone = {TWO: Identity(id=TWO, login="third")}
    assert list(orphans(config, had, now().wall)) == ["second"]
    assert list(orphans(config, gone, now().wall)) == ["main"]
    assert list(orphans(config, {}, now().wall)) == ["main"]


def test_nobody_takes_a_stranger_that_a_name_may_stand_for(configure: Configure) -> None:
    config = configure(login(NOWHERE), account('name = "SOMEBODY"'))
    lock(config, TWO)

    assert orphans(config, {}, now().wall) == {}


def test_a_name_is_learnt_and_followed(configure: Configure) -> None:
    config = configure(login(NOWHERE), account('name = "SOMEBODY"'))
    known = recall(config.service.data_dir)

    assert stand_up(config, "main", known, now().wall)[0] == []
    assert learn(config, "main", known, {ONE: seen(ONE, "SOMEBODY")})
    assert not learn(config, "main", known, {ONE: seen(ONE, "SOMEBODY")})
    assert not learn(config, "main", known, {ONE: seen(ONE, "RENAMED")}), "still the one meant"
    both = {ONE: seen(ONE, "RENAMED"), TWO: seen(TWO, "SOMEBODY")}
    assert learn(config, "main", known, both)

    assert {one.id: one.name for one in recall(config.service.data_dir).values()} == {
        ONE: "RENAMED",
        TWO: "SOMEBODY",
    }


def test_a_name_that_two_accounts_carry_stands_for_neither(configure: Configure) -> None:
    config = configure(login(NOWHERE), account('name = "TWIN"'))
    known = recall(config.service.data_dir)

    assert not learn(config, "main", known, {ONE: seen(ONE, "TWIN"), TWO: seen(TWO, "TWIN")})
    assert known == {}


def test_identities_that_cannot_be_read_are_written_anew(tmp_path: Path) -> None:
    (tmp_path / "identities.json").write_text("[{", encoding="utf-8")

    assert recall(tmp_path) == {}
    remember(tmp_path, [Identity(id=ONE, login="main", name="A")])
    assert recall(tmp_path)[ONE].name == "A"


def test_a_damaged_store_is_rebuilt_with_an_alarm(configure: Configure) -> None:
    config = configure(login(NOWHERE), account())
    lock(config, ONE)
    data = folder(config.service.data_dir, ONE) / "data.mdb"
    data.write_bytes(data.read_bytes()[:5_000])

    (ward,), _ = stand_up(config, "main", {}, now().wall)

    assert "the store was damaged: locked until the next reset" in ward.alarms[0]
    assert ward.lost
    recall_day([ward], History())
    close(ward.store)


def test_a_damaged_store_of_an_account_that_is_not_configured_counts_as_locked(
    configure: Configure,
) -> None:
    lock(configure(login(NOWHERE), account()), ONE)
    config = configure(login(NOWHERE), account(f"id = {TWO}"))
    data = folder(config.service.data_dir, ONE) / "data.mdb"
    data.write_bytes(data.read_bytes()[:5_000])

    wards, _ = stand_up(config, "main", {}, now().wall)

    assert [(one.plan.account_id, one.held, one.lost is not None) for one in wards] == [
        (TWO, False, False),
        (ONE, True, True),
    ]
    for one in wards:
        close(one.store)


def test_what_can_be_read_of_a_damaged_store_is_taken_over(configure: Configure) -> None:
    config = configure(login(NOWHERE), account())
    lock(config, ONE)
    store = Store.open(folder(config.service.data_dir, ONE), ONE)
    store.commit(Batch(account_id=ONE, states=(("account/1001/rule/x", "L" * 500),)))
    store.close()
    data = folder(config.service.data_dir, ONE) / "data.mdb"
    data.write_bytes(data.read_bytes().replace(b"L" * 500, b"L" * 499 + b"M"))

    (ward,), _ = stand_up(config, "main", {}, now().wall)

    assert ward.lost
    assert locks_held(ward.store.load_states(), ONE)
    assert "account/1001/rule/x" not in ward.store.load_states()
    close(ward.store)


def test_a_store_that_cannot_be_used_is_replaced_by_memory(tmp_path: Path) -> None:
    tmp_path.joinpath("1001").write_text("no folder", encoding="utf-8")

    opened = open_store(tmp_path / "1001", ONE, Retention())

    assert opened.alarm is not None
    assert opened.lost
    assert opened.alarm.startswith("store_failed: the store cannot be used")
    assert "nothing is written down until the next start" in opened.alarm
    assert opened.store.commit(Batch(account_id=ONE)) == 0


# -- the rules of the day outlive the configuration (rules.md 4) ----------------------------------

TWO_RULES = RULES + "[accounts.rules.max_contracts]\nlimit = 2\n"


def guard(config: ServiceConfig, account_id: AccountId, days_ago: int = 0) -> None:
    """Leave an account behind as it was guarded, by the first configured account's settings."""
    wall = now().wall
    plan = wanted_plan(config.accounts[0], account_id, "")
    day = Nanos(plan.reset.previous(wall) - days_ago * 24 * 3_600 * SECOND)
    kept = KeptSettings(day=day, held=settings_of(plan))
    store = Store.open(folder(config.service.data_dir, account_id), account_id)
    store.commit(Batch(account_id=account_id, states=((f"account/{account_id}/settings", kept),)))
    store.close()


def stood_up(config: ServiceConfig) -> dict[int, tuple[list[str], bool]]:
    """Return by account the rules that are in force, and whether something waits."""
    wards, _ = stand_up(config, "main", {}, now().wall)
    close(*(ward.store for ward in wards))
    return {
        ward.plan.account_id: (
            sorted(ward.plan.rules),
            ward.plan.settings is not None and ward.plan.settings.wanted is not None,
        )
        for ward in wards
    }


def test_a_rule_that_was_taken_out_holds_until_the_day_is_over(configure: Configure) -> None:
    guard(configure(login(NOWHERE), account(rules=TWO_RULES)), ONE)
    config = configure(login(NOWHERE), account())
    both = ["daily_realized_loss", "max_contracts"]
    assert stood_up(config) == {ONE: (both, True)}

    guard(configure(login(NOWHERE), account(rules=TWO_RULES)), ONE, days_ago=1)
    assert stood_up(config) == {ONE: (both, True)}, "until the Gateway's clock has been heard"


def test_an_account_that_was_taken_out_is_guarded_until_the_day_is_over(
    configure: Configure,
) -> None:
    config = configure(login(NOWHERE), account())
    guard(config, TWO)
    assert stood_up(config)[TWO] == (["daily_realized_loss"], True)

    guard(config, TWO, days_ago=1)
    assert stood_up(config)[TWO] == (["daily_realized_loss"], True), "until two clocks say so"


def test_an_account_that_was_only_watched_is_let_go(configure: Configure) -> None:
    guard(configure(login(NOWHERE), account(more='mode = "shadow"')), TWO)

    assert TWO not in stood_up(configure(login(NOWHERE), account()))


def test_settings_that_cannot_be_read_give_way_to_the_configuration(configure: Configure) -> None:
    config = configure(login(NOWHERE), account())
    store = Store.open(folder(config.service.data_dir, ONE), ONE)
    store.commit(Batch(account_id=ONE, states=((f"account/{ONE}/settings", {"day": "?"}),)))
    store.close()

    assert stood_up(config) == {ONE: (["daily_realized_loss"], False)}


def test_a_desk_stands_up_anew_for_those_who_come_and_go(configure: Configure) -> None:
    before = configure(login(NOWHERE), account(rules=TWO_RULES))
    wards, _ = stand_up(before, "main", {}, now().wall)
    close(*(ward.store for ward in wards))
    held = KeptSettings(day=Nanos(0), held=settings_of(wards[0].plan))
    shadow = KeptSettings(day=Nanos(0), held=settings_of(replace(wards[0].plan, mode=Mode.SHADOW)))
    bare = KeptSettings(day=Nanos(0), held=settings_of(replace(wards[0].plan, rules={})))

    def stands(config: ServiceConfig, settings: KeptSettings, *locks: Lock) -> bool:
        states = {f"account/{ONE}/lockout": Kept(locks), f"account/{ONE}/settings": settings}
        return not overtaken(wards, config, "main", {}, states)

    assert stands(before, held)
    assert not stands(before, shadow)
    assert not stands(configure(login(NOWHERE), account(), account("id = 1002")), held)
    without = configure(login(NOWHERE), account("id = 1002"))
    wards.append(wards[0]._replace(plan=replace(wards[0].plan, account_id=TWO)))
    assert stands(without, held)
    assert not stands(without, bare)


def test_an_account_by_number_and_by_name_is_guarded_once_by_the_first_and_says_so(
    configure: Configure,
) -> None:
    strict = "[accounts.rules.max_contracts]\nlimit = 1\n"
    config = configure(
        login(NOWHERE), account(), account('name = "PRACTICE"', rules=strict), account("id = 1002")
    )
    known = {ONE: Identity(id=ONE, login="main", name="PRACTICE")}

    wards, nameless = stand_up(config, "main", known, now().wall)

    try:
        assert [ward.plan.account_id for ward in wards] == [ONE, TWO]
        assert [*wards[0].plan.rules] == ["daily_realized_loss"]
        said = [alarm for ward in wards for alarm in ward.alarms]
        assert len(said) == 1
        assert said[0].startswith('configured twice, as 1001 and as "PRACTICE": only the first')
        assert nameless == []
        assert not overtaken(wards, config, "main", known, {})
        (asked, _) = wishes(config, "main", known, [Guarded(one.plan, lives=True) for one in wards])
        assert [*asked.wanted.rules] == ["daily_realized_loss"]
    finally:
        for ward in wards:
            ward.store.close()

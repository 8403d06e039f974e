"""Every key of every rule changes what the rule demands: not only a text, and not only a field.

One row per key: two settings that differ in it alone, and a story in which their demands differ.
Demands are what is to be brought about, what is locked and until when, and what is read afresh; the
words of a judgement do not count.  A key without a row fails here: add one.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import pytest
from msgspec.structs import replace

from actors.rule import RuleBehaviour, ShadowRule
from actors.rules import RULES
from actors.rules.rule import RuleParams
from config.calendars import load_shipped
from protocol.account_facts import OrderSeen, OrderStatus, OrderType, Side, TradeSeen
from protocol.book import BookView
from protocol.effects import Journal, Send
from protocol.enforcement import Evaluate, Observed, Verdict
from protocol.units import SECOND, Nanos, Now, OrderId, RuleName
from tests.model.fills import fill
from tests.rules.books import ACCOUNT, ES, MNQ, dollars, holding, price, priced, view
from tests.rules.days import day, moment

START = Now(wall=Nanos(1_800_000_000 * SECOND), mono=Nanos(50 * SECOND))

type Keys = dict[str, Any]
type Moment = tuple[BookView, Now]


class Row(NamedTuple):
    """A rule's key, what both settings share, the two values, and the story."""

    rule: str
    key: str
    common: Keys
    values: tuple[Any, Any]
    story: tuple[Moment, ...]


def once(book: BookView, now: Now = START) -> tuple[Moment, ...]:
    return ((book, now),)


def after(seconds: float) -> Now:
    span = round(seconds * SECOND)
    return Now(Nanos(START.wall + span), Nanos(START.mono + span))


def stop(at: str, size: int = 2) -> OrderSeen:
    return OrderSeen(
        account_id=ACCOUNT,
        order_id=OrderId(1),
        contract_id=MNQ,
        status=OrderStatus.OPEN,
        type=OrderType.STOP,
        side=Side.SELL,
        size=size,
        stop_price=price(at),
    )


LOSING, WINNING = priced(MNQ, 2, "21000", "20970"), priced(MNQ, 2, "21000", "21030")
"""By 120 dollars."""
HEDGED = (priced(MNQ, 2, "21000", "20970"), priced(ES, 1, "6000", "6010"))


def contracts() -> Iterator[Row]:
    three = once(view(holding(MNQ, 3)))
    hedge = once(view(holding(MNQ, 2), holding(ES, -2)))
    yield Row("max_contracts", "limit", {}, (2, 5), three)
    yield Row("max_contracts", "count", {"limit": 2}, ("gross", "net"), hedge)
    yield Row("max_contracts", "on_breach", {"limit": 2}, ("close", "reduce"), three)
    yield Row("max_contracts", "weights", {"limit": 2}, ({}, {"MNQ": 0.1}), three)
    name = "max_contracts_per_instrument"
    yield Row(name, "limits", {}, ({"MNQ": 2}, {"MNQ": 5}), three)
    yield Row(name, "unknown_symbol", {"limits": {"ES": 1}}, ("block", "allow"), three)
    yield Row(name, "on_breach", {"limits": {"MNQ": 2}}, ("close", "reduce"), three)
    yield Row("symbol_blocks", "symbols", {}, (["M*"], ["ES"]), three)


def money() -> Iterator[Row]:
    lost, made = (once(view(realized=dollars(text))) for text in ("-550", "550"))
    both = once(view(LOSING, realized=dollars("-400")))
    gained = once(view(WINNING, realized=dollars("400")))
    yield Row("daily_realized_loss", "limit", {}, (-500, -600), lost)
    yield Row("daily_realized_loss", "combined", {"limit": -500}, (True, False), both)
    yield Row("daily_realized_profit", "target", {}, (500, 600), made)
    yield Row("daily_realized_profit", "combined", {"target": 500}, (True, False), gained)
    yield Row("daily_unrealized_loss", "limit", {}, (-100, -200), once(view(LOSING)))
    scopes = ("position", "account")
    yield Row("daily_unrealized_loss", "scope", {"limit": -100}, scopes, once(view(*HEDGED)))
    yield Row("max_unrealized_profit", "target", {}, (100, 200), once(view(WINNING)))


def entries(*seconds: float) -> tuple[TradeSeen, ...]:
    return tuple(fill(number, second, 1) for number, second in enumerate(seconds, start=1))


def trades() -> Iterator[Row]:
    name = "trade_frequency_limit"
    three = once(day(*entries(100, 110, 120)), moment(120))
    for window in ("minute", "hour", "session"):
        key = f"per_{window}"
        yield Row(name, key, {}, (2, 5), three)
        yield Row(name, f"cooldown_{window}", {key: 2}, ("3m", "5m"), three)
    yield Row(name, "count", {"per_minute": 2}, ("entries", "round_trips"), three)
    yield Row(name, "trigger", {"per_minute": 3}, ("reach", "exceed"), three)
    yield Row(name, "flatten", {"per_minute": 2}, (True, False), three)
    name = "cooldown_after_loss"
    parts = (
        fill(1, 990, 3),
        fill(2, 1000, -1, realized=dollars("-60"), order=8),
        fill(3, 1001, -1, realized=dollars("-60"), order=8),
    )
    open_still = once(day(*parts), moment(1002))
    yield Row(name, "tiers", {"basis": "order"}, ({"5m": -100}, {"9m": -100}), open_still)
    yield Row(name, "basis", {}, ("order", "round_trip"), open_still)
    yield Row(name, "flatten", {"basis": "order"}, (True, False), open_still)


def stops() -> Iterator[Row]:
    name = "no_stop_loss_grace"
    bare = view(priced(MNQ, 2, "21000", "21000"))
    covered = replace(bare, orders=(stop("20990", size=1),))
    read = replace(bare, truth_asked=after(10.5).mono)
    told = ((bare, START), (bare, after(10)), (read, after(11)))
    partly = tuple((replace(covered, truth_asked=book.truth_asked), now) for book, now in told)
    silent = ((bare, START), (bare, after(10)), (bare, after(25)))
    yield Row(name, "grace", {}, ("10s", "90s"), told)
    yield Row(name, "on_expiry", {"stop_ticks": 40}, ("close", "place_stop"), told)
    yield Row(name, "stop_ticks", {"on_expiry": "place_stop"}, (40, 80), told)
    yield Row(name, "full_coverage", {}, (True, False), partly)
    yield Row(name, "unknown_timeout", {}, ("10s", "90s"), silent)
    yield Row(name, "on_unknown", {}, ("close", "wait"), silent)


def market(mark: str, at: str | None = "20950", seconds: float = 0) -> Moment:
    book = view(priced(MNQ, 2, "21000", mark))
    return replace(book, orders=() if at is None else (stop(at),)), after(seconds)


def profits() -> Iterator[Row]:
    name = "trade_management"
    near, far = (market("21003"),), (market("21007.5"),)
    yield Row(name, "breakeven", {}, (True, False), near)
    yield Row(name, "trigger_ticks", {}, (10, 15), near)
    yield Row(name, "offset_ticks", {}, (2, 0), near)
    yield Row(name, "trailing", {}, (True, False), far)
    yield Row(name, "activation_ticks", {}, (20, 40), far)
    yield Row(name, "distance_ticks", {}, (10, 15), far)
    yield Row(name, "step_ticks", {}, (1, 5), (market("21007.5", "21004.5"),))
    followed = (market("21003"), market("21007.5", "21000", 10))
    yield Row(name, "min_interval", {}, ("5s", "90s"), followed)
    yield Row(name, "auto_stop_ticks", {}, (40, None), (market("21000", None),))


CALENDAR = replace(
    load_shipped("cme_equity"), valid_from=date(2026, 11, 2), valid_to=date(2026, 12, 31)
)
BY_DAY = {"start": "08:30", "end": "15:00"}


def chicago(text: str) -> Now:
    wall = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/Chicago"))
    return Now(Nanos(int(wall.timestamp()) * SECOND), START.mono)


def sessions() -> Iterator[Row]:
    name = "session_block_outside"
    held = view(holding(MNQ, 1))
    evening, soon = (once(held, chicago(f"2026-11-18T{at}")) for at in ("15:30", "14:54"))
    feast = once(held, chicago("2026-11-26T13:00"))
    plain = msgspec.to_builtins(replace(CALENDAR, early_closes=()))
    by_day, all_day = {"windows": [BY_DAY]}, {"windows": [{"start": "17:00", "end": "16:00"}]}
    own = {"windows": [{"start": "17:00", "end": "15:45"}]}
    yield Row(name, "calendar", {}, (msgspec.to_builtins(CALENDAR), plain), feast)
    yield Row(name, "windows", {}, (by_day["windows"], all_day["windows"]), evening)
    yield Row(name, "zone", by_day, ("America/Chicago", "America/New_York"), soon)
    yield Row(name, "no_new_exposure", by_day, ("10m", "3m"), soon)
    yield Row(name, "flatten_before_end", by_day, ("10m", "2m"), soon)
    yield Row(name, "instruments", by_day, ({}, {"MNQ": own}), evening)


TABLE = [
    *contracts(), *money(), *trades(), *stops(), *profits(), *sessions(),
]  # fmt: skip


def params(rule: str, keys: Keys) -> RuleParams:
    keys = (
        keys
        if rule != "session_block_outside"
        else {"calendar": msgspec.to_builtins(CALENDAR)} | keys
    )
    read: RuleParams = msgspec.convert(keys, RULES[RuleName(rule)].params)
    return read


def demands(
    rule: str, settings: RuleParams, story: tuple[Moment, ...]
) -> list[tuple[list[object], bool]]:
    """Return what is demanded at each moment of a story."""
    one = RULES[RuleName(rule)]
    state, found = one.state(), list[tuple[list[object], bool]]()
    for book, now in story:
        judged = one.decide(settings, state, book, now)
        state = judged.state
        found.append(([(each.goals, each.lock) for each in judged.breaches], judged.wants_truth))
    return found


@pytest.mark.parametrize("row", TABLE, ids=[f"{row.rule}.{row.key}" for row in TABLE])
def test_a_key_changes_what_is_demanded(row: Row) -> None:
    one, other = (params(row.rule, {**row.common, row.key: value}) for value in row.values)

    assert [key for key in keys(row.rule) if getattr(one, key) != getattr(other, key)] == [row.key]
    assert demands(row.rule, one, row.story) != demands(row.rule, other, row.story)
    assert any(goals for goals, _ in demands(row.rule, one, row.story)), "the first breaches"


def keys(rule: str) -> list[str]:
    return [field.name for field in msgspec.structs.fields(RULES[RuleName(rule)].params)]


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_rule_in_shadow_demands_nothing_i15(rule: str) -> None:
    row = next((one for one in TABLE if one.rule == rule), None)
    story = row.story if row is not None else once(replace(view(), can_trade=False))
    settings = params(rule, {} if row is None else {**row.common, row.key: row.values[0]})
    said: dict[str, list[object]] = {"enforce": [], "shadow": []}
    for mode, kind in (("enforce", RuleBehaviour), ("shadow", ShadowRule)):
        behaviour = kind(RULES[RuleName(rule)], settings, ACCOUNT)
        state = behaviour.begin(None, START).state
        for book, now in story:
            step = behaviour.handle(state, Evaluate(view=book, afresh=True), now)
            state = step.state
            said[mode] += [
                effect.message if isinstance(effect, Send) else effect.decision
                for effect in step.effects
                if isinstance(effect, Send | Journal)
            ]

    assert any(isinstance(one, Verdict) and one.breaches for one in said["enforce"])
    assert not any(isinstance(one, Verdict) for one in said["shadow"])
    assert any(isinstance(one, Observed) and one.would for one in said["shadow"])


def test_no_key_of_a_rule_is_left_out() -> None:
    every = {(rule, key) for rule in RULES for key in keys(rule) if key != "mode"}

    assert every == {(row.rule, row.key) for row in TABLE}

"""Whatever stands in a journal: a record, or an error that the store knows; never a crash."""

import random
from functools import cache

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from actors.adapters.storage import Unreadable, decode
from actors.plan import read_plan
from actors.replay import Replay, ReplayError, turns
from protocol import codec
from protocol.codec import MESSAGES, Recorded, encode
from protocol.lifecycle import Began
from tests.replay.record import FOLDER, read
from tests.sim.broker import ACCOUNT


@cache
def whole() -> tuple[Recorded, ...]:
    return tuple(one for path in sorted(FOLDER.glob("*.journal")) for one in read(path))


@cache
def samples() -> tuple[bytes, ...]:
    """Return one record of each kind that the recorded journals hold."""
    kinds = {type(one.message): one for one in whole()}
    return tuple(encode(one) for one in kinds.values())


def survives(raw: bytes) -> None:
    found = decode(raw)

    assert isinstance(found, Recorded | Unreadable)
    if isinstance(found, Recorded):
        assert type(found.message) in MESSAGES
        assert codec.decode(encode(found)) == found or found != found  # noqa: PLR0124  (not a number)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_record_or_are_unreadable(raw: bytes) -> None:
    survives(raw)


@given(st.data())
def test_a_record_with_flipped_bytes_is_a_record_or_is_unreadable(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from(samples())))
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=6)):
        raw[place] = data.draw(st.integers(0, 255))

    survives(bytes(raw))


@given(st.data())
def test_a_record_that_is_cut_or_grown_is_a_record_or_is_unreadable(data: st.DataObject) -> None:
    raw = data.draw(st.sampled_from(samples()))
    cut = data.draw(st.integers(0, len(raw)))
    filler = data.draw(st.binary(max_size=8))

    survives(raw[:cut] + filler + raw[data.draw(st.integers(cut, len(raw))) :])


VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text()


@given(st.data())
def test_a_record_with_another_value_somewhere_is_a_record_or_is_unreadable(
    data: st.DataObject,
) -> None:
    fields = msgspec.msgpack.decode(data.draw(st.sampled_from(samples())))
    message = fields[3]
    message[data.draw(st.sampled_from(sorted(message)))] = data.draw(VALUES)

    survives(msgspec.msgpack.encode(fields))


@given(st.binary(max_size=200))
def test_any_plan_is_a_plan_or_is_refused_in_words(raw: bytes) -> None:
    refused(raw)


@given(st.data())
def test_a_plan_with_flipped_bytes_is_a_plan_or_is_refused(data: st.DataObject) -> None:
    began = next(one.message for one in whole() if isinstance(one.message, Began))
    raw = bytearray(began.plan)
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=4)):
        raw[place] = data.draw(st.integers(0, 255))

    refused(bytes(raw))


def refused(raw: bytes) -> None:
    try:
        read_plan(raw)
    except ValueError as error:
        assert "release" in str(error)  # noqa: PT017  (either is right)


def test_a_journal_whose_records_are_shuffled_ends_in_words() -> None:
    for seed in range(20):
        draw = random.Random(seed)
        records = list(whole()[:400])
        for _ in range(8):
            one, other = draw.randrange(400), draw.randrange(400)
            records[one], records[other] = records[other], records[one]
        replay = Replay(ACCOUNT)
        for turn in turns(records):
            try:
                replay.take(turn)
            except (ReplayError, ValueError):
                continue
        replay.close()

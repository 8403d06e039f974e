"""The power goes while the store writes: what is on the disk is a whole beginning of the story.

A copy of the files takes the part of the disk.  Of a writer that is stopped the copy is what the
kernel held at one instant; of one that goes on writing it is torn, as a disk without order would
leave it.  The first must open; the second may be damaged, but never be believed.
"""

import os
import random
import shutil
import signal
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from actors.adapters.storage import StoreError
from actors.adapters.store import Store
from tests.store.samples import ACCOUNT, counter, in_another_process, whys
from tests.store.test_kill import WRITE_UNTIL_KILLED


def is_whole(store: Store, least: int) -> None:
    assert store.last_seq >= least
    assert whys(store) == [f"no. {n}" for n in range(1, store.last_seq + 1)]
    assert store.last_seq == 0 or counter(store) == store.last_seq


def acknowledged(lines: list[str]) -> int:
    words = [line.split() for line in lines]
    return max((int(n) for owner, n in words if int(owner) == ACCOUNT), default=0)


@pytest.mark.fault("power-cut")
def test_the_files_of_one_instant_hold_everything_that_was_acknowledged(tmp_path: Path) -> None:
    draw = random.Random(7)
    data = tmp_path / "data"
    process = in_another_process(WRITE_UNTIL_KILLED, data)
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), True)
    said = [process.stdout.readline()]
    for number in range(15):
        time.sleep(draw.uniform(0, 0.03))
        said.append(process.stdout.readline())
        os.kill(process.pid, signal.SIGSTOP)
        copy = tmp_path / f"copy-{number}"
        shutil.copytree(data / str(ACCOUNT), copy)
        os.kill(process.pid, signal.SIGCONT)

        with closing(Store.open(copy, ACCOUNT)) as store:
            is_whole(store, acknowledged(said))
    process.kill()
    process.communicate()


@pytest.mark.fault("power-cut")
def test_torn_files_are_read_as_a_whole_beginning_or_not_at_all(tmp_path: Path) -> None:
    draw = random.Random(11)
    data = tmp_path / "data"
    process = in_another_process(WRITE_UNTIL_KILLED, data)
    assert process.stdout is not None
    process.stdout.readline()
    opened = 0
    for number in range(25):
        time.sleep(draw.uniform(0, 0.02))
        copy = tmp_path / f"copy-{number}"
        shutil.copytree(data / str(ACCOUNT), copy)
        with suppress(StoreError), closing(Store.open(copy, ACCOUNT)) as store:
            opened += 1
            is_whole(store, 0)
    process.kill()
    process.communicate()

    assert opened, "not one copy could be opened: this shows nothing"

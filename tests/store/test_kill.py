"""A process that is killed while it writes loses nothing acknowledged and halves nothing."""

import random
import time
from contextlib import closing
from pathlib import Path

import pytest

from actors.adapters.store import Store
from tests.store.samples import ACCOUNT, OTHER, counter, in_another_process, whys

WRITE_UNTIL_KILLED = """
import asyncio, os, sys
from pathlib import Path
from actors.adapters.journal import JournalThread
from tests.store.samples import *

async def main():
    stores = [Store.open(Path(sys.argv[1]) / str(account), account) for account in (ACCOUNT, OTHER)]
    start = {store.account_id: store.last_seq for store in stores}
    journal = JournalThread(stores, asyncio.get_running_loop())
    journal.start()
    number = 0
    while True:
        number += 1
        for account in (ACCOUNT, OTHER):
            n = start[account] + number
            say = lambda account=account, n=n: os.write(1, b"%d %d\\n" % (account, n))
            journal.submit(batch(n, account), say, print)
        await asyncio.sleep(0.0005 if number % 7 else 0)

asyncio.run(main())
"""


@pytest.mark.fault("store-killed")
def test_no_acknowledged_batch_is_lost_and_none_is_halved(tmp_path: Path) -> None:
    draw = random.Random(3)
    for _ in range(12):
        process = in_another_process(WRITE_UNTIL_KILLED, tmp_path)
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(draw.uniform(0, 0.15))
        process.kill()
        said, complaints = process.communicate()
        assert first, complaints
        # The last line may be cut short by the kill; a number that was cut is a smaller one.
        acknowledged = [tuple(map(int, line.split())) for line in (first + said).splitlines()[:-1]]

        for account in (ACCOUNT, OTHER):
            newest = max((n for owner, n in acknowledged if owner == account), default=0)
            with closing(Store.open(tmp_path / str(account), account)) as store:
                assert store.last_seq >= newest
                assert whys(store) == [f"no. {n}" for n in range(1, store.last_seq + 1)]
                assert store.last_seq == 0 or counter(store) == store.last_seq


FILL_THE_DISK = """
import asyncio, os, resource, sys
from pathlib import Path
from actors.adapters.journal import JournalThread
from tests.store.samples import *

def allow(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

async def main():
    path = Path(sys.argv[1])
    store = Store.open(path, ACCOUNT)
    store.commit(batch(0))
    journal = JournalThread([store], asyncio.get_running_loop())
    journal.start()
    done, failures = [], []
    allow((path / "data.mdb").stat().st_size + 8_192)
    for number in range(1, 301):
        journal.submit(batch(number), lambda number=number: done.append(number), failures.append)
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.1)
    assert len(failures) == 1, failures
    assert "mdb_txn_commit" in str(failures[0])
    assert len(done) < 300, "the disk was large enough"
    assert journal.figures().failing == (ACCOUNT,)
    assert journal.oldest_pending_ms() > 50
    allow(resource.RLIM_INFINITY)
    while len(done) < 300:
        await asyncio.sleep(0.01)
    assert done == list(range(1, 301))
    assert journal.figures().failing == ()
    assert journal.stop(5) == 0
    print("well")

asyncio.run(asyncio.wait_for(main(), 20))
"""


@pytest.mark.fault("disk-full")
@pytest.mark.timeout(30)
def test_a_disk_that_fills_up_and_is_mended_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / str(ACCOUNT)
    said, complaints = in_another_process(FILL_THE_DISK, path).communicate()

    assert said == "well\n", complaints
    with closing(Store.open(path, ACCOUNT)) as store:
        assert whys(store) == [f"no. {n}" for n in range(301)]
        assert counter(store) == 300

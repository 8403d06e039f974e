"""Record journals for the regression tests: `python -m tests.replay.record`, from the root.

A file is the schema's number, a newline, and the records as in the store, each behind its length.
A new release only ever adds files: an old one is replaced when what is decided is meant to change,
by a change that says so.
"""

import asyncio
import gzip
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

from protocol.codec import SCHEMA, Recorded, decode, encode
from tests.e2e.stand import CLOSE, FIRST, MES, MNQ, Stand, contracts, plan, realized, unrealized
from tests.sim.kernel import Kernel

FOLDER = Path(__file__).parent / "journals"
SEEDS = (5, 12, 25)


def write(name: str, records: Sequence[Recorded]) -> None:
    """Write a journal."""
    raw = b"".join(len(one).to_bytes(4) + one for one in map(encode, records))
    FOLDER.mkdir(exist_ok=True)
    packed = gzip.compress(raw, mtime=0)
    (FOLDER / f"{name}.journal").write_bytes(f"{SCHEMA}\n".encode() + packed)


def read(path: Path) -> list[Recorded]:
    """Return a journal; raise ValueError if this release cannot know what it says."""
    schema, _, packed = path.read_bytes().partition(b"\n")
    if int(schema) > SCHEMA:
        raise ValueError(f"{path.name}: of schema {int(schema)}, and this is {SCHEMA}")
    raw, found = gzip.decompress(packed), list[Recorded]()
    while raw:
        size = int.from_bytes(raw[:4])
        found.append(decode(raw[4 : 4 + size]))
        raw = raw[4 + size :]
    return found


async def morning(folder: Path) -> list[Recorded]:
    """Trade on a desk: a reduction, a loss, a close that fails, a lock, a crash, a second life."""
    rules = contracts(5), unrealized(-500), realized(-300)
    async with Stand(folder, plan(*rules)) as stand:
        await stand.start()
        await stand.enter("buy", 7, at=21000)
        await stand.proven()
        await stand.enter("sell", 1, contract=MES, at=6000)
        stand.sim.faults.rest(kind="reset", endpoint=CLOSE, count=1)
        await stand.price(MNQ, 20960)
        await stand.proven(2)
        await stand.sim.order(FIRST, MNQ, "buy", 1)
        await stand.until(lambda: stand.holdings() == {} and stand.idle(), "the lock to hold")
        await stand.crash()
        await stand.start()
        stand.clock.skip(9 * 3600)
        await stand.until(lambda: not stand.report().locked, "the reset")
        return stand.journal()


def main() -> None:
    """Record everything anew."""
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        write("morning", asyncio.run(morning(Path(folder))))
    for seed in SEEDS:
        kernel = Kernel(seed)
        kernel.run()
        records = [one for _, one in kernel.store.replay() if isinstance(one, Recorded)]
        write(f"hostile-{seed}", records)


if __name__ == "__main__":
    main()

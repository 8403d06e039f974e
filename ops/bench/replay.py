"""How fast a journal is run again: `python -m ops.bench.replay`.

The journal is what the bench of mixed account events leaves on a real store.
"""

import asyncio
import tempfile
import time
from contextlib import closing
from pathlib import Path

from actors.adapters.store import Store
from ops.bench.decide import ACCOUNT, mixed
from ops.bench.figures import rate
from ops.past.rerun import Stretch, rerun

LEAST = 2_000
"""Records a second: a busy day of 100,000 in under a minute."""


def main() -> None:
    """Leave a journal, and run it again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asyncio.run(mixed(folder))
        with closing(Store.open_to_read(folder / str(ACCOUNT), ACCOUNT)) as store:
            begun = time.perf_counter()
            found = rerun(store, Stretch())
            took = time.perf_counter() - begun
        assert found.same, found.first
        rate(
            f"replay of {found.records:,} records, compared bit for bit",
            found.records / took,
            LEAST,
        )


if __name__ == "__main__":
    main()

"""What can still be read of a damaged store: the states whose checksums hold.

Opening a damaged file may end the process with a signal, so another process does it, which nobody
misses.  A state that it finds is one that was written, though perhaps not the last.
"""

import os
import subprocess
import sys
from pathlib import Path

import lmdb
import msgspec

from actors.adapters import store_files
from actors.adapters.storage import name_seed, unseal

TIMEOUT_S = 5.0
NEEDED = ("PATH", "PYTHON", "LD_", "DYLD_")
"""What the reader inherits by the names' beginnings: no secret."""
_READER = "import sys; from actors.adapters.store_salvage import tell; tell(sys.argv[1])"


def salvage(path: Path) -> dict[str, bytes]:
    """Return the states of a damaged store that are sound, as many as can be had."""
    try:
        done = subprocess.run(  # noqa: S603  (this very interpreter, and our own module)
            [sys.executable, "-P", "-c", _READER, str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            env={name: value for name, value in os.environ.items() if name.startswith(NEEDED)},
            check=False,
        )
        return msgspec.msgpack.decode(done.stdout, type=dict[str, bytes])
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError):
        return {}


def tell(path: str) -> None:
    """Write the states whose checksums hold to the standard output."""
    found: dict[str, bytes] = {}
    data = str(Path(path) / store_files.DATA)
    with lmdb.open(data, subdir=False, readonly=True, lock=False, max_dbs=3) as env:
        states = env.open_db(b"state", create=False)
        with env.begin() as txn:
            for key, sealed in txn.cursor(states):
                name = key.decode(errors="replace")
                payload = unseal(sealed, name_seed(name))
                if payload is not None:
                    found[name] = payload
    sys.stdout.buffer.write(msgspec.msgpack.encode(found))

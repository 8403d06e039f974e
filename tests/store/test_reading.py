"""Whoever looks at a store leaves nothing behind that keeps its owner out."""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from actors.adapters import store_files
from actors.adapters.store import Store
from tests.store.samples import ACCOUNT, batch

SERVICE = 65_534
"""Any user but root."""


def look(path: Path) -> None:
    with closing(Store.open_to_read(path, ACCOUNT)):
        pass


def copy(path: Path) -> None:
    to = path.with_name("copy")
    to.mkdir()
    store_files.copy(path, to)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root reads what is another's")
@pytest.mark.parametrize("reading", [look, copy])
def test_a_store_that_root_has_read_is_still_its_owners(
    tmp_path: Path, reading: Callable[[Path], None]
) -> None:
    """As after a backup was put back: it has no lock file until somebody opens it."""
    path = tmp_path / str(ACCOUNT)
    with closing(Store.open(path, ACCOUNT)) as store:
        store.commit(batch(1))
    (path / "lock.mdb").unlink()
    for one in (path, *path.iterdir()):
        os.chown(one, SERVICE, SERVICE)

    reading(path)

    owners = {one.name: (one.stat().st_uid, one.stat().st_gid) for one in path.iterdir()}
    assert set(owners.values()) == {(SERVICE, SERVICE)}, owners
    assert "lock.mdb" in owners
    assert (path / "lock.mdb").stat().st_mode & 0o077 == 0

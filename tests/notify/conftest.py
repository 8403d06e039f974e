from collections.abc import Iterator

import pytest

from tests.guardian.conftest import service, sim
from tests.notify.sink import Sink

__all__ = ["service", "sim"]


@pytest.fixture
def sink() -> Iterator[Sink]:
    one = Sink()
    yield one
    one.close()

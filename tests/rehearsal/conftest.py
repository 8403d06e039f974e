from tests.cli.conftest import command, write
from tests.guardian.conftest import service, sim

__all__ = ["command", "service", "sim", "write"]

"""A service that is looked at: the simulator, the real process, and a real browser."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ops.desk.lockfile import holder
from ops.sim.scenario import AccountRow, load
from ops.sim.server import SimServer
from tests.guardian.service import Service, account, login, until
from tests.web.chromium import Tab, binary, browser

HOSTILE = "<img src=x onerror=alert(1)>"
RULES = """
[accounts.rules.max_contracts]
limit = 8
[accounts.rules.daily_unrealized_loss]
limit = -800
[accounts.rules.daily_realized_loss]
limit = -500
[accounts.rules.auth_loss_guard]
"""


class Watched(NamedTuple):
    """A service, its market, and the page that shows it."""

    sim: SimServer
    service: Service
    tab: Tab
    url: str

    async def shows(self, selector: str, said: str, timeout_s: float = 20) -> None:
        """Wait until the page shows something."""

        async def shown() -> bool:
            return said in await self.tab.text(selector)

        await until(shown, timeout_s, lambda: self.service.log[-3_000:])


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    """Open the page of a service that guards two accounts; one's name would be a page itself."""
    binary()
    scenario = load("default")
    scenario.accounts.append(AccountRow(id=1003, name=HOSTILE))
    async with SimServer(scenario) as sim, browser(tmp_path / "profile") as tab:
        one = Service(
            tmp_path, login(sim.url), account(rules=RULES), account("id = 1003", rules=RULES)
        )
        await one.start()
        said = holder(one.data_dir / "lock")
        assert said is not None
        url = f"http://{said.http}"
        try:
            await tab.look(1280, 900, "dark")
            await tab.open(url)
            await one.armed(40)
            yield Watched(sim, one, tab, url)
        finally:
            if one.process is not None and one.process.returncode is None:
                await one.end()

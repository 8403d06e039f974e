"""What only the Gateway knows: login, accounts, their contracts, and whose clock is right."""

import asyncio
import logging

from config.load import Loaded
from config.schema import LoginConfig
from config.secrets import Credentials
from ops.desk.clocks import TOLERANCE
from ops.desk.counts import Counts
from ops.desk.outcome import Exit
from ops.desk.survey import Survey, survey
from ops.doctor.finding import Checked, fine, problem, unknown, warning
from protocol.units import SECOND

SKEW_WARNING_S = 1.0
SKEW_PROBLEM_S = TOLERANCE / SECOND
"""From here on a running desk raises its alarm."""
TIMEOUT_S = 60.0
WHY = {
    "login": "without it nothing is read and nothing can be closed",
    "accounts": "an account that is not seen, or may not trade, cannot be protected",
    "contracts": "what cannot be valued cannot be held against a limit",
    "products": "a limit on a product that is not listed holds for nothing",
}
WHY_CLOCK = "sessions come by this machine's clock, and locks and days end by the later of the two"
MEND_CLOCK = "have it set by the network: `timedatectl set-ntp true`, or your system's settings"


async def check(loaded: Loaded, secrets: dict[str, Credentials]) -> list[Checked]:
    """Look at every login at once; what is found is told at the end, and not logged."""
    logging.disable(logging.CRITICAL)
    try:
        logins = [login for login in loaded.logins if login.name in secrets]
        found = await asyncio.gather(*(look(loaded, one, secrets[one.name]) for one in logins))
    finally:
        logging.disable(logging.NOTSET)
    return [one for each in found for one in each]


async def look(loaded: Loaded, login: LoginConfig, credentials: Credentials) -> list[Checked]:
    """Look at one login."""
    counts = Counts()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            seen = await survey(loaded.config, login, credentials, counts)
    except TimeoutError:
        what = f"login {login.name}: no answer within {TIMEOUT_S:.0f} s"
        mend = "check api_url and the network"
        return [problem("login", what, WHY["login"], mend, Exit.GATEWAY)]
    return [*told(seen), clock(login, counts.wire.skew_s)]


def told(seen: Survey) -> list[Checked]:
    """Return a survey as checks."""
    found = [
        problem(one.about, f"login {seen.login}: {one.what}", WHY[one.about], one.mend, one.code)
        for one in seen.findings
    ]
    if not any(one.about == "login" for one in seen.findings):
        found.append(fine("login", f"login {seen.login}: the Gateway takes it"))
    found += [fine("accounts", one) for one in seen.facts]
    found += [fine("contracts", one) for one in seen.contracts]
    return found


def clock(login: LoginConfig, skew_s: float | None) -> Checked:
    """Judge how far the clocks differ."""
    if skew_s is None:
        what = f"login {login.name}: the Gateway has not dated an answer"
        return unknown("clock", what, WHY_CLOCK, MEND_CLOCK)
    text = f"this machine's clock is {skew_s:+.1f} s off the Gateway's"
    if abs(skew_s) > SKEW_PROBLEM_S:
        return problem("clock", text, WHY_CLOCK, MEND_CLOCK)
    if abs(skew_s) > SKEW_WARNING_S:
        return warning("clock", text, WHY_CLOCK, MEND_CLOCK)
    return fine("clock", "this machine's clock agrees with the Gateway's, within a second")

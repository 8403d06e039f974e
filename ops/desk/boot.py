"""Whether a desk got where it should, as a pure function of what it has seen so far.

A desk that guards somebody never ends by its own judgement: an account that does not arm is an
alarm, and no reason to leave the others alone.
"""

import msgspec

from ops.desk.outcome import Ending, Exit


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What a desk has seen of its start."""

    asking_s: float
    """For how long the Gateway has been asked to let us in."""
    logged_in_s: float | None
    """For how long we have been logged in; None before that."""
    arm_within: float
    refused: bool
    why: str
    api_url: str
    login: str
    listed: dict[int, str] | None
    """Number and name of the accounts that the Gateway lists; None before the login."""
    guarded: frozenset[int]
    nameless: tuple[str, ...]
    """Configured names that the Gateway has not given a number to."""
    armed: bool
    """Whether any account is armed or kept flat, or was."""


def judge(seen: Progress) -> Ending | None:
    """Return how the desk must end, or None to go on."""
    if seen.armed:
        return None
    if seen.listed is None or seen.logged_in_s is None:
        return _without_login(seen)
    names = set(seen.listed.values())
    if not seen.guarded & set(seen.listed) and not names & set(seen.nameless):
        return Ending(Exit.CONFIGURATION, not_listed(seen))
    if seen.logged_in_s > seen.arm_within:
        return Ending(
            Exit.STALLED,
            f"login {seen.login}: logged in {seen.logged_in_s:.0f} s ago, and no account is armed "
            "yet; the alarms above say what is missing",
        )
    return None


def _without_login(seen: Progress) -> Ending | None:
    if seen.refused:
        return Ending(
            Exit.GATEWAY,
            f"login {seen.login}: the Gateway at {seen.api_url} refused it ({seen.why}); check the "
            "user name and the API key, and that the API is enabled for them",
        )
    if seen.asking_s > seen.arm_within:
        return Ending(
            Exit.GATEWAY,
            f"login {seen.login}: the Gateway at {seen.api_url} could not be reached for "
            f"{seen.arm_within:.0f} s ({seen.why}); check api_url and the network",
        )
    return None


def not_listed(seen: Progress) -> str:
    """Say which accounts there are instead."""
    wanted = [str(one) for one in sorted(seen.guarded)] + [f'"{one}"' for one in seen.nameless]
    there = ", ".join(f'{number} "{name}"' for number, name in sorted((seen.listed or {}).items()))
    return (
        f"login {seen.login}: the Gateway lists none of the configured accounts "
        f"({', '.join(wanted)}); it lists {there or 'no account'}: correct [[accounts]]"
    )

"""Whether this machine may fall asleep over an open position: where its system tells."""

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

from ops.doctor.finding import Checked, fine, unknown, warning

WHY = "a machine that sleeps protects nobody, whatever its screen showed"
TIMEOUT_S = 5.0
TARGETS = ("sleep.target", "suspend.target", "hibernate.target", "hybrid-sleep.target")
NEEDED = 2
"""Of those: the first two keep a machine awake."""
LOGIND = (
    Path("/etc/systemd/logind.conf"),
    Path("/etc/systemd/logind.conf.d"),
    Path("/run/systemd/logind.conf.d"),
    Path("/usr/lib/systemd/logind.conf.d"),
)
POWER = Path("/sys/class/power_supply")
MEND = "sudo systemctl mask sleep.target suspend.target; on a laptop also HandleLidSwitch=ignore"


def check() -> Checked:
    """Look at what this system lets itself be asked."""
    if sys.platform == "linux":
        return linux(enabled(), lid_switch(LOGIND), has_battery=battery(POWER))
    if sys.platform == "darwin":
        return mac(said("pmset", "-g"))
    return unknown("sleep", f"no way is known to ask {sys.platform}", WHY, "switch sleep off")


def linux(states: list[str], lid: str | None, *, has_battery: bool) -> Checked:
    """Judge the states of the sleep targets, and what closing the lid does."""
    if not states:
        mend = "is it a container? then look at the machine below it"
        return unknown("sleep", "there is no systemd here to ask", WHY, mend)
    masked = all(one == "masked" for one in states[:NEEDED])
    if masked:
        return fine("sleep", "systemd refuses to sleep: the targets are masked")
    if has_battery and lid != "ignore":
        how = lid or "suspend (the default)"
        return warning("sleep", f"closing the lid does: {how}; sleep is not masked", WHY, MEND)
    what = "systemd lets it sleep, and a desktop's own idle settings cannot be read from here"
    return unknown("sleep", what, WHY, MEND)


def enabled() -> list[str]:
    """Return the state of each sleep target; nothing where there is no systemd."""
    if shutil.which("systemctl") is None:
        return []
    states = said("systemctl", "is-enabled", *TARGETS).split()
    return states if len(states) == len(TARGETS) else []


def lid_switch(places: tuple[Path, ...]) -> str | None:
    """Return what closing the lid does, if somebody has set it; drop-ins win."""
    files = [one for one in places if one.is_file()]
    files += [
        file for one in reversed(places) if one.is_dir() for file in sorted(one.glob("*.conf"))
    ]
    found: str | None = None
    for file in files:
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        try:
            parser.read_string(file.read_text("utf-8", "replace"))
        except (OSError, configparser.Error):
            continue
        found = parser.get("Login", "HandleLidSwitch", fallback=found)
    return found


def battery(power: Path) -> bool:
    """Tell whether it is a laptop, as far as the kernel knows."""
    try:
        return any(one.name.startswith("BAT") for one in power.iterdir())
    except OSError:
        return False


def mac(settings: str) -> Checked:
    """Judge what `pmset -g` says."""
    rows = [line.split() for line in settings.splitlines()]
    minutes = next((row[1] for row in rows if len(row) > 1 and row[0] == "sleep"), None)
    mend = "sudo pmset -c sleep 0, and keep it on mains power with the lid open"
    if minutes is None:
        return unknown("sleep", "pmset does not say", WHY, mend)
    if minutes != "0":
        return warning("sleep", f"this Mac sleeps after {minutes} idle minutes", WHY, mend)
    return fine("sleep", "pmset: sleep 0; closing the lid of a laptop may still end it")


def said(*command: str) -> str:
    """Return what a command prints; nothing if it cannot be run."""
    try:
        done = subprocess.run(  # noqa: S603  (the commands are ours)
            command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout

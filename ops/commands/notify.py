"""`riskwarden notify test`: whether a notice arrives, at every configured place."""

import time
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from socket import gethostname

import msgspec

from config.load import Loaded, load
from config.notify import NotifyConfig
from config.secrets import NotifySecrets, notify_secrets
from ops.commands.output import put
from ops.desk.outcome import Ended, Exit
from ops.notify.apprise_target import MISSING, AppriseTarget, is_installed

TITLE = "riskwarden: a test"
BODY = "Sent by `riskwarden notify test` on {host}. Nothing has happened; notices arrive here."


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the message to one target."""

    target: str
    arrived: bool
    why: str
    took_ms: int


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What became of all of them, and what else is configured."""

    targets: list[Sent]
    events: list[str]
    heartbeat: str


def run(args: Namespace) -> int:
    """Send a message to every target at once, and say what became of it."""
    loaded = load(args.config)
    secrets = notify_secrets(loaded.config.notify, loaded.file)
    refuse_nothing(loaded, secrets)
    targets = [AppriseTarget(url, number) for number, url in enumerate(secrets.urls, start=1)]
    with ThreadPoolExecutor(max_workers=max(1, len(targets))) as threads:
        sent = list(threads.map(send, targets))
    config = loaded.config.notify
    told = Told(
        targets=sent,
        events=[one.value for one in config.events],
        heartbeat=heartbeat_text(config, secrets),
    )
    put(told, render, as_json=args.json)
    return Exit.OK if all(one.arrived for one in sent) else Exit.EXCEPTION


def refuse_nothing(loaded: Loaded, secrets: NotifySecrets) -> None:
    """Refuse to test what is not there."""
    if not secrets.urls and secrets.heartbeat is None:
        what = f"{loaded.file}: nobody is to be notified"
        mend = '[notify] urls = ["env:RISKWARDEN_NOTIFY"], and put an apprise URL into it'
        raise Ended(Exit.CONFIGURATION, what, mend)
    if secrets.urls and not is_installed():
        raise Ended(Exit.DEPENDENCY, f"apprise cannot be imported: {MISSING}")


def send(target: AppriseTarget) -> Sent:
    """Send the test message to one target."""
    began = time.monotonic()
    why = target.send(TITLE, BODY.format(host=gethostname()), urgent=False)
    took_ms = round(1000 * (time.monotonic() - began))
    return Sent(target=target.name, arrived=not why, why=why, took_ms=took_ms)


def heartbeat_text(config: NotifyConfig, secrets: NotifySecrets) -> str:
    """Say what is known of the heartbeat; calling it would say that all is well."""
    if secrets.heartbeat is None:
        return "off: nobody notices when this machine is gone (heartbeat_url)"
    return f"every {config.heartbeat_every} while all is armed; not called by a test"


def render(told: Told) -> list[str]:
    """Return the answer as lines for people."""
    lines = [
        f"{one.target}: taken after {one.took_ms} ms; look whether it arrived"
        if one.arrived
        else f"{one.target}: FAILED after {one.took_ms} ms: {one.why}"
        for one in told.targets
    ]
    lines += [f"events: {', '.join(told.events)}", f"heartbeat: {told.heartbeat}"]
    return lines

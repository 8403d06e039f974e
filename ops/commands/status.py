"""`riskwarden status`: how the running service stands, for programs and for people."""

import http.client
from argparse import Namespace

import msgspec

from config.load import load
from config.schema import Service
from ops.commands.output import put
from ops.commands.table import table
from ops.commands.terminal import columns, fitted
from ops.desk.lockfile import holder
from ops.desk.outcome import Ended, Exit
from ops.web.lines import kind, took_ms
from protocol.codec import decode_json
from protocol.control import (
    AccountStatus,
    DeskStatus,
    EnforcementStatus,
    FeedStatus,
    OrderStatus,
    ServiceStatus,
)
from protocol.decisions import Checkpoint

TIMEOUT_S = 3.0
STATUS_OK = 200


def run(args: Namespace) -> int:
    """Ask the service, and print what it says."""
    status = ask(load(args.config).config.service)
    put(status, lambda one: render(one, columns()), as_json=args.json)
    return Exit.OK


def ask(service: Service) -> ServiceStatus:
    """Return how the service stands; raise Ended if nobody says."""
    raw = fetch(service)
    try:
        return decode_json(raw, ServiceStatus)
    except msgspec.MsgspecError as error:
        what = f"something else answers at {service.http} ({error})"
        raise Ended(Exit.EXCEPTION, what, "is another program using this port?") from None


def address(service: Service) -> tuple[str, int]:
    """Return where the service answers; a port that was free for the taking is in its lock file."""
    if service.http_port:
        return service.http_host, service.http_port
    said = holder(service.data_dir / "lock")
    if said is None or not said.http:
        raise not_running(service)
    host, _, port = said.http.rpartition(":")
    return host.strip("[]"), int(port)


def fetch(service: Service) -> bytes:
    """Return the body of /status; raise Ended if nobody answers."""
    host, port = address(service)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/status")
        response = connection.getresponse()
        body = response.read()
    except TimeoutError:
        what = f"the service at {host}:{port} does not answer within {TIMEOUT_S:.0f} s"
        raise Ended(Exit.EXCEPTION, what, "look at its log") from None
    except (OSError, http.client.HTTPException):
        raise not_running(service) from None
    finally:
        connection.close()
    if response.status != STATUS_OK:
        what = f"{host}:{port} answers /status with {response.status}"
        raise Ended(Exit.EXCEPTION, what, "is another program using this port?")
    return body


def not_running(service: Service) -> Ended:
    """Return the error of a service that is not there."""
    what = f"no service is running at {service.http} (data_dir {service.data_dir})"
    return Ended(Exit.EXCEPTION, what, "start it with `riskwarden run`, or your service manager")


def render(status: ServiceStatus, width: int | None = None) -> list[str]:
    """Return the status as lines for people, in the width of their terminal if there is one."""
    lines = [f"ALARM {alarm}" for alarm in status.alarms]
    lines += [line for desk in status.desks for line in render_desk(desk)]
    for account in status.accounts:
        lines += ["", *render_account(account, width)]
    return fitted(lines, width)


def render_desk(desk: DeskStatus) -> list[str]:
    """Return a desk in one line, how far its start came, and its alarms."""
    start = [
        one for one in Checkpoint if one <= Checkpoint.RUNNING and one.word in desk.checkpoints
    ]
    pid = f"process {desk.pid}" if desk.pid is not None else "no process"
    ping = "" if desk.ping_ms is None else f" ({desk.ping_ms:.0f} ms)"
    figures = (
        f"hubs {desk.hubs}{ping}, {desk.calls_last_minute} calls/min, {desk.restarts} restarts"
    )
    return [
        f"desk {desk.login}: {desk.state.upper()}, {pid}, {figures}",
        *(f"  {one:d} {one.word} since {desk.checkpoints[one.word]}" for one in start[-1:]),
        *([f"  its last life ended: {desk.last_end}"] if desk.last_end is not None else []),
        *(f"  ALARM {alarm}" for alarm in desk.alarms),
    ]


def render_account(account: AccountStatus, width: int | None = None) -> list[str]:
    """Return an account as a block: first whether it may trade at all."""
    lock = "LOCKED" if account.locked else "not locked"
    who = account.name if account.id is None else f"{account.id} {account.name}".strip()
    lines = [f"account {who}: {account.state.upper()}, {lock}, mode {account.mode}"]
    lines += [f"  ALARM {alarm}" for alarm in account.alarms]
    for one in account.lockouts:
        lines.append(
            f"  locked by {one.rule} ({one.scope}) until {one.until or 'its condition ends'}"
        )
        lines.append(f"    {one.reason}")
    lines.append(
        f"  realized {account.realized or 'unknown'}, unrealized {account.unrealized or 'unknown'},"
        f" next reset {account.next_reset or 'unknown'}"
    )
    lines += [f"  waits for the reset: {one}" for one in account.waits]
    lines += render_feed(account.feed) if account.feed is not None else []
    for held in account.positions:
        worth = f"{held.mark or 'no price'}, {held.unrealized or 'unknown'}"
        lines.append(f"  {held.side} {held.size} {held.contract} at {held.average}, now {worth}")
    lines += map(render_order, account.orders)
    lines += table(account.rules, width)
    lines += map(render_enforcement, account.enforcements[-5:])
    if account.attempts_while_locked:
        lines.append(f"  {account.attempts_while_locked} attempts to trade while locked")
    return lines


def render_order(one: OrderStatus) -> str:
    """Return a working order in one line."""
    what = f"{one.side} {one.size - one.filled} {one.contract} {kind(one)}"
    return f"  order {one.id}: {what}, working"


def render_enforcement(one: EnforcementStatus) -> str:
    """Return an enforcement in one line, under the name that `explain` knows it by."""
    took = "" if (ms := took_ms(one)) is None else f" after {ms:.0f} ms"
    return f"  {one.requested} {one.id} {one.state}{took}: {one.why}"


def render_feed(feed: FeedStatus) -> list[str]:
    """Return what an account hears in one line, and a line for each contract it watches."""
    truth = "never read" if feed.truth_age_s is None else f"{feed.truth_age_s} s old"
    lines = [f"  feed {feed.state}, truth {truth}"]
    for one in feed.prices:
        age = "no good price yet" if one.age_s is None else f"price {one.age_s} s old"
        ignored = ", ".join(f"{count} {reason}" for reason, count in one.ignored.items())
        lines.append(f"    {one.contract}: {age}" + (f", ignored: {ignored}" if ignored else ""))
    return lines

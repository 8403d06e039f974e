"""`riskwarden trace`: what the running service is at this moment, also when it is busy or hangs."""

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator

from ops.commands.asking import ask, service_of
from ops.commands.output import put
from ops.desk.outcome import Exit
from ops.guardian.control import Request
from protocol.trace import ActorTrace, DeskTrace, ProcessTrace, ServiceTrace

LATE_S = -0.5


def run(args: Namespace) -> int:
    """Ask, and print; a desk that does not answer is exit code 2."""
    request = Request(command="trace", config=str(args.config.absolute()))
    told = ask(service_of(args.config), request, ServiceTrace)
    put(told, rendered, as_json=args.json)
    return Exit.STALLED if told.silent else Exit.OK


def rendered(told: ServiceTrace) -> list[str]:
    """Return a trace as lines for people: many of a kind in one line."""
    lines = [f"guardian: {sizes(told.guardian)}", *process(told.guardian)]
    for desk in told.desks:
        lines += ["", f"desk {desk.login}: {sizes(desk.process)}", *queues(desk)]
        lines += [*mailboxes(desk.actors), *process(desk.process)]
    lines += [f"\ndesk {login}: DOES NOT ANSWER, or does not run" for login in told.silent]
    return lines


def sizes(one: ProcessTrace) -> str:
    """Return a process in one line."""
    memory = "memory unknown" if one.memory_mib is None else f"{one.memory_mib} MiB"
    many = f"{'?' if one.descriptors is None else one.descriptors} descriptors"
    return f"process {one.pid}, up {one.up_s:.0f} s, {memory}, {many}, {len(one.tasks)} tasks"


def queues(desk: DeskTrace) -> Iterator[str]:
    """Yield what waits before the actors, and behind them."""
    if desk.intake is None:
        yield "  its actors do not stand yet"
        return
    it = desk.intake
    oldest = f", the oldest for {it.oldest_ms:.1f} ms" if it.waiting else ""
    yield f"  intake: {it.waiting} wait{oldest}; {it.taken:,} taken since its start"
    yield f"  disk: {desk.batches} batches wait"


def mailboxes(actors: list[ActorTrace]) -> Iterator[str]:
    """Yield the actors by kind, then each whose mailbox is not empty or whose tick is late."""
    kinds = Counter(one.runs for one in actors)
    yield f"  actors: {len(actors)} ({', '.join(f'{n} {kind}' for kind, n in kinds.items())})"
    waiting = [one for one in actors if one.mailbox]
    yield from (f"    {one.path}: {one.mailbox} in its mailbox" for one in waiting)
    if actors and not waiting:
        yield "    every mailbox is empty"
    for one in actors:
        if one.due_s is not None and one.due_s < LATE_S:
            yield f"    {one.path}: its tick is {-one.due_s:.1f} s late"


def process(one: ProcessTrace) -> Iterator[str]:
    """Yield tasks, those that stand alike in one line, and threads."""
    yield "  tasks"
    alike = Counter((task.runs, task.at) for task in one.tasks)
    yield from (f"    {count:4} {runs} at {at}" for (runs, at), count in alike.most_common())
    yield "  threads"
    yield from (f"    {thread.name}: {' < '.join(thread.at[:4])}" for thread in one.threads)

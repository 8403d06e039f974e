"""Rules at work as a table: what each allows, what is used and left, and whether it protects."""

from actors.rules import RULES
from protocol.control import RuleStatus

HEAD = ("rule", "mode", "limit", "used", "remaining", "enabled loaded subscribed", "evaluated")
LAST = "enforcing"
WIDTH_MAX = 40


def table(rules: list[RuleStatus], width: int | None = None) -> list[str]:
    """Return the rules that are enabled as a table, and the names of those that are off.

    In a terminal whose width the columns exceed each rule has lines of its own instead.
    """
    lines = aligned([(*HEAD, LAST), *map(row, rules)]) if rules else []
    if width is not None and any(len(line) > width for line in lines):
        lines = [line for rule in rules for line in block(row(rule), width)]
    lines += [f"    {rule.rule}: unknown, {rule.unknown}" for rule in rules if rule.unknown]
    lines += [
        f"    {rule.rule}: not {rule.lacks} since {rule.since}" for rule in rules if rule.lacks
    ]
    off = [name for name in RULES if name not in {rule.rule for rule in rules}]
    return [*lines, f"  off: {', '.join(off)}"] if off else lines


def aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Return rows of cells with each column as wide as it must be."""
    wide = [min(WIDTH_MAX, max(len(line[at]) for line in rows)) for at in range(len(HEAD))]
    return [
        "  "
        + "  ".join(
            (*(text.ljust(width) for text, width in zip(line, wide, strict=False)), line[-1])
        )
        for line in rows
    ]


def block(cells: tuple[str, ...], width: int) -> list[str]:
    """Return a rule's cells below one another: what it allows, and whether it protects."""
    name, mode, *figures, steps, evaluated, enforcing = cells
    told = [f"{key} {cell}" for key, cell in zip(HEAD[2:5], figures, strict=True) if cell != "-"]
    stages = zip(HEAD[5].split(), steps.split(), strict=True)
    found = [*(f"{key} {cell}" for key, cell in stages), f"{HEAD[6]} {evaluated}"]
    head = f"  {name}: {'; '.join((mode, *told))}"
    figured = [f"  {name}: {mode}", *(f"    {one}" for one in told)]
    heads = [head] if len(head) <= width else figured
    return [*heads, f"    {', '.join(found)}, {LAST} {enforcing}"]


def row(rule: RuleStatus) -> tuple[str, ...]:
    """Return a rule as cells."""
    steps = (rule.enabled, rule.loaded, rule.subscribed)
    evaluated = (rule.evaluated or "NEVER").partition("T")[2].partition(".")[0] or "NEVER"
    late = "" if rule.armed or rule.evaluated is None else " LATE"
    return (
        rule.rule,
        rule.mode,
        rule.limit or "-",
        rule.used or "-",
        rule.remaining or "-",
        " ".join(word(step) for step in steps),
        evaluated + late,
        "yes" if rule.enforcing else "no, shadow" if rule.armed else "NO",
    )


def word(step: bool) -> str:  # noqa: FBT001  (it is what is rendered)
    """Return a step for people: what is missing stands out."""
    return "yes" if step else "NO"

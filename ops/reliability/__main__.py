"""Make the page of the newest runs: `python -m ops.reliability`, after the tests of faults."""

from pathlib import Path

from ops.reliability.page import render
from ops.reliability.trials import FOLDER, read

ROOT = Path(__file__).parents[2]
PAGE = Path("ops/RELIABILITY.md")


def main() -> int:
    """Write the page; fail if a fault did not end as promised."""
    trials = read(ROOT / FOLDER)
    (ROOT / PAGE).write_text(render(trials), encoding="utf-8")
    failed = [one for one in trials if not one.held]
    print(f"{PAGE}: {len(trials)} runs, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())

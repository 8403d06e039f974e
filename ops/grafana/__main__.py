"""`python -m ops.grafana`: write the dashboards anew, beside this file."""

import sys
from pathlib import Path

from ops.grafana.boards import BOARDS
from ops.grafana.render import render

FOLDER = Path(__file__).parent


def main() -> None:
    """Write one file per dashboard."""
    for board in BOARDS:
        path = FOLDER / f"{board.name}.json"
        path.write_text(render(board), encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()

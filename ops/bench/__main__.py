"""Run every benchmark, one after the other: `python -m ops.bench`."""

from ops.bench import decide, replay, store, triggers, wire


def main() -> None:
    """Print all figures."""
    for bench in (decide, wire, triggers, store, replay):
        print(f"\n== {bench.__name__}")
        bench.main()


if __name__ == "__main__":
    main()

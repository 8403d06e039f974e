"""`riskwarden spare`: a desk in waiting.  The guardian starts it; people start `run`."""

from argparse import Namespace

from ops.desk.spare import main


def run(args: Namespace) -> int:  # noqa: ARG001
    """Wait for orders; be that desk."""
    return main()

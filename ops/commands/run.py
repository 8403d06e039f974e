"""`riskwarden run`: the guardian and, through it, one desk per login."""

from argparse import Namespace

from ops.guardian.process import Orders, main


def run(args: Namespace) -> int:
    """Guard until told to end."""
    orders = Orders(
        config=args.config,
        arm_within=args.arm_within,
        json_logs=args.json_logs,
        trial=args.trial,
        orphan_s=args.orphan_for,
    )
    return main(orders)

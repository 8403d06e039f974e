"""`riskwarden desk`: one login's desk.  The guardian starts it; people start `run`."""

from argparse import Namespace

from ops.desk.process import Orders, main


def run(args: Namespace) -> int:
    """Run a desk; it ends the process itself."""
    main(
        Orders(
            config=args.config,
            login=args.login,
            arm_within=args.arm_within,
            json_logs=args.json_logs,
            again=args.again,
            accepted=args.accepted,
            trial=args.trial,
        )
    )

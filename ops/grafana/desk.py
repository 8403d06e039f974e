"""The dashboard of one desk: its process, its Gateway, its disk."""

from ops.grafana.panels import Board, Query, Row, Unit, lines, quantiles, stat

MINE = '{login=~"$login"}'

DESK = Board(
    "desk",
    "riskwarden: desk",
    "One login's process: does it run, does it hear, does it keep up, does its disk?",
    ("login",),
    (
        Row(
            "Now",
            (
                stat("Up", "1 while it is heard.", f"min(riskwarden_desk_up{MINE})", red_below=1),
                stat(
                    "Heard",
                    "Seconds since its last word.",
                    f"time() - min(riskwarden_heartbeat_timestamp_seconds{MINE})",
                    unit=Unit.SECONDS,
                    red_from=3,
                ),
                stat(
                    "Restarts",
                    "Ends of its process within a day.",
                    f"sum(increase(riskwarden_desk_restarts_total{MINE}[1d]))",
                    red_from=1,
                ),
                stat(
                    "Hubs open",
                    "1 while both are connected.",
                    f"min(riskwarden_hubs_open{MINE})",
                    red_below=1,
                ),
                stat(
                    "Requests left",
                    "Of the 200 that a minute allows.",
                    f"min(riskwarden_rest_budget_left{MINE})",
                    red_below=40,
                ),
                stat(
                    "Clock",
                    "This machine's clock minus the Gateway's.",
                    f"max(riskwarden_clock_skew_seconds{MINE})",
                    unit=Unit.SECONDS,
                    red_from=10,
                ),
            ),
        ),
        Row(
            "What comes in",
            (
                lines(
                    "Events",
                    "Messages taken from the intake.",
                    Query(f"riskwarden:events:rate1m{MINE}", "{{kind}}"),
                    unit=Unit.PER_SECOND,
                ),
                lines(
                    "Refused, told twice, not believed",
                    "Per minute.",
                    Query(
                        f"sum by (event, reason) (increase(riskwarden_refused_total{MINE}[1m]))",
                        "refused {{event}} {{reason}}",
                    ),
                    Query(f"increase(riskwarden_duplicates_total{MINE}[1m])", "twice {{kind}}"),
                    Query(
                        f"increase(riskwarden_prices_ignored_total{MINE}[1m])", "price {{reason}}"
                    ),
                ),
                lines(
                    "Waiting messages",
                    "The most that waited, and quotes that were given up for it.",
                    Query(f"riskwarden_intake_depth{MINE}", "waiting"),
                    Query(f"increase(riskwarden_quotes_dropped_total{MINE}[1m])", "given up"),
                ),
                lines(
                    "Wait of the oldest",
                    "From the hub's frame to its turn.",
                    *quantiles("riskwarden_intake_wait_seconds", "", MINE),
                    unit=Unit.SECONDS,
                ),
            ),
        ),
        Row(
            "What is decided",
            (
                lines(
                    "Decision",
                    "From the turn of an input to the release of its requests, commit included.",
                    *quantiles("riskwarden_decision_seconds", "", MINE),
                    unit=Unit.SECONDS,
                ),
                lines(
                    "Judgements",
                    "By rule.",
                    Query(f"riskwarden:evaluations:rate1m{MINE}", "{{rule}}"),
                    unit=Unit.PER_SECOND,
                ),
                lines(
                    "Alarms raised",
                    "Per minute.",
                    Query(f"increase(riskwarden_alarms_raised_total{MINE}[1m])", "{{kind}}"),
                ),
                lines(
                    "Checkpoints",
                    "Per minute.",
                    Query(f"increase(riskwarden_checkpoint_total{MINE}[1m])", "{{checkpoint}}"),
                ),
            ),
        ),
        Row(
            "The Gateway",
            (
                lines(
                    "Requests",
                    "REST requests a second.",
                    Query(f"riskwarden:rest_requests:rate1m{MINE}", "{{login}}"),
                    unit=Unit.PER_SECOND,
                ),
                lines(
                    "Answers by status",
                    "Per minute; 429 is one request too many.",
                    Query(f"increase(riskwarden_rest_answers_total{MINE}[1m])", "{{code}}"),
                ),
                lines(
                    "Commands",
                    "Per minute, by how they ended.",
                    Query(f"increase(riskwarden_commands_total{MINE}[1m])", "{{command}} {{how}}"),
                ),
                lines(
                    "Time to an answer",
                    "By command.",
                    *quantiles("riskwarden_command_seconds", "command", MINE, "{{command}}"),
                    unit=Unit.SECONDS,
                ),
                lines(
                    "Hubs",
                    "Losses and reconnects, per minute.",
                    Query(f"increase(riskwarden_hub_losses_total{MINE}[1m])", "lost"),
                    Query(f"increase(riskwarden_hub_reconnects_total{MINE}[1m])", "opened again"),
                    Query(f"riskwarden_hub_ping_seconds{MINE}", "round trip, seconds"),
                ),
                lines(
                    "Allowance",
                    "Of the 200 that a minute allows.",
                    Query(f"riskwarden_rest_budget_left{MINE}", "{{login}}"),
                ),
            ),
        ),
        Row(
            "The disk",
            (
                lines(
                    "Commits",
                    "Durable transactions.",
                    *quantiles("riskwarden_commit_seconds", "", MINE),
                    unit=Unit.SECONDS,
                ),
                lines(
                    "Waiting for the disk",
                    "Batches, the age of the oldest in seconds, and accounts whose store refuses.",
                    Query(f"riskwarden_journal_pending{MINE}", "batches"),
                    Query(f"riskwarden_journal_oldest_seconds{MINE}", "oldest, seconds"),
                    Query(f"riskwarden_stores_failing{MINE}", "stores failing"),
                ),
            ),
        ),
    ),
)

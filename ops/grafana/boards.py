"""The dashboards: everything at a glance, one account, one desk."""

from ops.grafana.desk import DESK
from ops.grafana.panels import Board, Query, Row, Unit, lines, quantiles, stat, states

MINE = '{login=~"$login",account=~"$account"}'


OVERVIEW = Board(
    "overview",
    "riskwarden: overview",
    "Is everybody guarded, who is locked, and does anything need a person?",
    (),
    (
        Row(
            "Now",
            (
                stat(
                    "Not guarded",
                    "Accounts that are not armed, or whose desk is not heard.",
                    "count(riskwarden_account_guarded == 0) or vector(0)",
                    red_from=1,
                ),
                stat(
                    "Not proven for",
                    "Age of the oldest enforcement without a proof that it is done.",
                    "max(riskwarden_enforcement_unproven_seconds)",
                    unit=Unit.SECONDS,
                    red_from=5,
                ),
                stat(
                    "Under a lock",
                    "Accounts with a lock in force.",
                    "sum(riskwarden_account_locked)",
                ),
                stat(
                    "Desks down",
                    "Logins whose process does not run, or is not heard.",
                    "count(riskwarden_desk_up == 0) or vector(0)",
                    red_from=1,
                ),
                stat(
                    "Hubs closed",
                    "Logins that hear no events.",
                    "count(riskwarden_hubs_open == 0) or vector(0)",
                    red_from=1,
                ),
                stat(
                    "Alerts",
                    "Alerts that fire; ops/runbook says what to do.",
                    'count(ALERTS{alertname=~"Riskwarden.*",alertstate="firing",severity!="none"}) '
                    "or vector(0)",
                    red_from=1,
                ),
            ),
        ),
        Row(
            "Accounts",
            (
                states(
                    "Guarded",
                    "1 while an account is armed and its desk is heard.",
                    Query("riskwarden_account_guarded", "{{account}}"),
                ),
                states(
                    "Locked",
                    "1 while a lock is in force.",
                    Query("riskwarden_account_locked", "{{account}}"),
                ),
                lines(
                    "Realized today",
                    "Closed trades of the trading day.",
                    Query("riskwarden_account_realized_usd", "{{account}}"),
                    unit=Unit.DOLLARS,
                ),
                lines(
                    "Open",
                    "What open positions are worth at the newest price.",
                    Query("riskwarden_account_unrealized_usd", "{{account}}"),
                    unit=Unit.DOLLARS,
                ),
                lines(
                    "Used of the nearest money limit",
                    "The limit that is closest; 100 % is the limit itself.",
                    Query("max by (account) (riskwarden:rule_used:ratio)", "{{account}}"),
                    unit=Unit.SHARE,
                ),
                lines(
                    "Time to flat",
                    "From the request to enforce to its proof, of the last day.",
                    Query("riskwarden:time_to_flat_seconds:p99_1d", "{{rule}} p99"),
                    unit=Unit.SECONDS,
                ),
            ),
        ),
        Row(
            "What happened",
            (
                lines(
                    "Breaches",
                    "Rules that became breached, per minute.",
                    Query("sum by (rule) (increase(riskwarden_breaches_total[1m]))", "{{rule}}"),
                ),
                lines(
                    "Alarms",
                    "Alarms that stand.",
                    Query("sum by (kind) (riskwarden_alarms)", "{{kind}}"),
                ),
                lines(
                    "Checkpoints",
                    "Passages of the eight checkpoints, per minute.",
                    Query(
                        "sum by (checkpoint) (increase(riskwarden_checkpoint_total[1m]))",
                        "{{checkpoint}}",
                    ),
                ),
                lines(
                    "Events",
                    "Messages taken from the intakes.",
                    Query("sum by (kind) (riskwarden:events:rate1m)", "{{kind}}"),
                    unit=Unit.PER_SECOND,
                ),
            ),
        ),
    ),
)


ACCOUNT = Board(
    "account",
    "riskwarden: account",
    "One account: its money, its limits, its locks, and what was done.",
    ("login", "account"),
    (
        Row(
            "State",
            (
                states(
                    "State",
                    "The state that the account is in.",
                    Query(f"riskwarden_account_state{MINE} == 1", "{{account}} {{state}}"),
                ),
                states(
                    "Locks",
                    "Locks in force by rule.",
                    Query(f"riskwarden_lockouts{MINE}", "{{rule}}"),
                ),
                lines(
                    "Contracts",
                    "Contracts held, long and short together.",
                    Query(f"riskwarden_account_contracts{MINE}", "{{account}}"),
                ),
                lines(
                    "Feed",
                    "1 for how the account hears: live, a gap that is being read, or blind.",
                    Query(f"riskwarden_account_feed{MINE}", "{{account}} {{state}}"),
                ),
                lines(
                    "What is known, and how old",
                    "The broker's truth, and the oldest quote of the contracts held.",
                    Query(f"riskwarden_truth_age_seconds{MINE}", "{{account}} truth"),
                    Query(f"riskwarden_quote_age_seconds{MINE}", "{{account}} quote"),
                    unit=Unit.SECONDS,
                ),
            ),
        ),
        Row(
            "Money",
            (
                lines(
                    "Profit and loss",
                    "The day's closed trades, what is open, and whether the balance agrees.",
                    Query(f"riskwarden_account_realized_usd{MINE}", "{{account}} realized"),
                    Query(f"riskwarden_account_unrealized_usd{MINE}", "{{account}} open"),
                    Query(f"riskwarden_ledger_drift_usd{MINE}", "{{account}} balance drifted"),
                    unit=Unit.DOLLARS,
                ),
                lines(
                    "Left before each limit",
                    "Below zero: past it.",
                    Query(f"riskwarden_rule_remaining_usd{MINE}", "{{rule}}"),
                    unit=Unit.DOLLARS,
                ),
                lines(
                    "Used of each limit",
                    "100 % is the limit itself.",
                    Query(f"riskwarden:rule_used:ratio{MINE}", "{{rule}}"),
                    unit=Unit.SHARE,
                ),
                lines(
                    "Past the limit",
                    "Average dollars past a limit, when told and when proven flat, over a day.",
                    Query(
                        'sum by (rule, at) (increase(riskwarden_overshoot_usd_sum{login=~"$login"}'
                        "[1d])) / sum by (rule, at) "
                        '(increase(riskwarden_overshoot_usd_count{login=~"$login"}[1d]) > 0)',
                        "{{rule}} at {{at}}",
                    ),
                    unit=Unit.DOLLARS,
                ),
            ),
        ),
        Row(
            "Rules",
            (
                states(
                    "Armed",
                    "1 for a rule that has judged.",
                    Query(f"riskwarden_rule_armed{MINE}", "{{rule}}"),
                ),
                states(
                    "Cannot judge",
                    "1 for a rule that lacks something, such as a price.",
                    Query(f"riskwarden_rule_unknown{MINE}", "{{rule}}"),
                ),
                lines(
                    "Breaches",
                    "Per minute.",
                    Query(f"increase(riskwarden_breaches_total{MINE}[1m])", "{{rule}}"),
                ),
                lines(
                    "Attempts while locked",
                    "Exposure that appeared under a lock, per minute.",
                    Query(
                        f"increase(riskwarden_attempts_while_locked_total{MINE}[1m])", "attempts"
                    ),
                ),
            ),
        ),
        Row(
            "Enforcement",
            (
                lines(
                    "Steps of enforcements",
                    "Requested, confirmed, failed: per minute.",
                    Query(
                        f"sum by (rule, state) (increase(riskwarden_enforcements_total{MINE}[1m]))",
                        "{{rule}} {{state}}",
                    ),
                ),
                lines(
                    "Not proven for",
                    "Age of the oldest enforcement without its proof.",
                    Query(f"riskwarden_enforcement_unproven_seconds{MINE}", "{{account}}"),
                    unit=Unit.SECONDS,
                ),
                lines(
                    "Time to flat",
                    "Of the login's accounts.",
                    *quantiles(
                        "riskwarden_time_to_flat_seconds", "rule", '{login=~"$login"}', "{{rule}}"
                    ),
                    unit=Unit.SECONDS,
                ),
                lines(
                    "Locks set",
                    "Per hour.",
                    Query(f"increase(riskwarden_locks_total{MINE}[1h])", "{{rule}}"),
                ),
            ),
        ),
    ),
)

BOARDS = (OVERVIEW, ACCOUNT, DESK)

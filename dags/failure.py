"""How every task behaves when something goes wrong.

What time heals (a marketplace that does not answer, a lake or store out of reach, days that have
not come) is tried again with growing pauses. What a person must change (a setting, credentials, a
table that breaks its contract, a month with too much in quarantine) fails at once, and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from etl.errors import (
    InputError,
    QuarantineLimitError,
    SettingError,
    SourceDeniedError,
    TableError,
)

if TYPE_CHECKING:
    from dags.alerts import Alert

__all__ = [
    "BEFORE_THE_MONTH",
    "LATE_DATA",
    "SOMEBODY_WAITS",
    "TASK_DEFAULTS",
    "alert_of",
    "tell_of_failure",
]

_NEEDS_A_PERSON = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=[
                SettingError,
                InputError,
                TableError,
                SourceDeniedError,
                QuarantineLimitError,
            ],
            action=RetryAction.FAIL,
            reason="trying again cannot heal this; a person has to change what the message names",
        )
    ]
)


def alert_of(context: Mapping[str, Any]) -> Alert:
    """The alert of a task that failed for good: which, of what run, and its last words."""
    from dags.alerts import Alert

    task, run, error = context["task_instance"], context["dag_run"], context.get("exception")
    index = getattr(task, "map_index", -1)
    name = f"{task.dag_id}.{task.task_id}" + (f"[{index}]" if index >= 0 else "")
    about = getattr(run, "partition_key", None) or run.run_id
    words = f"{type(error).__name__}: {error}" if error else "its worker was lost"
    over = isinstance(error, QuarantineLimitError)
    return Alert(
        "quarantine_limit" if over else "task_failed",
        f"{name} failed for good, of {about}",
        (words, f"run {run.run_id}, try {task.try_number}"),
    )


def tell_of_failure(context: Mapping[str, Any]) -> None:
    """Alert an operator to a task that failed for good."""
    from dags.alerts import tell
    from etl.settings import settings_from

    tell([alert_of(context)], settings_from())


TASK_DEFAULTS: dict[str, Any] = {
    "on_failure_callback": tell_of_failure,
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": _NEEDS_A_PERSON,
    "execution_timeout": timedelta(hours=2),
}

LATE_DATA: dict[str, Any] = {
    "retries": 24,
    "retry_delay": timedelta(minutes=30),
    "retry_exponential_backoff": 0,
}

BEFORE_THE_MONTH: dict[str, Any] = {"priority_weight": 100, "weight_rule": "absolute"}
"""For short work that somebody waits for each day: it takes the next free slot, whatever waits."""

SOMEBODY_WAITS: dict[str, Any] = {
    "priority_weight": 200,
    "weight_rule": "absolute",
    "retry_delay": timedelta(seconds=5),
}
"""For what a person has just asked for, before all else."""

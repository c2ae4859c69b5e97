"""How every task behaves when something goes wrong.

What time heals (a marketplace that does not answer, a lake or store out of reach, days that have
not come) is tried again with growing pauses. What a person must change (a setting, credentials, a
table that breaks its contract, a month with too much in quarantine) fails at once, and says why.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from etl.errors import (
    InputError,
    QuarantineLimitError,
    SettingError,
    SourceDeniedError,
    TableError,
)

__all__ = ["BEFORE_THE_MONTH", "LATE_DATA", "TASK_DEFAULTS"]

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

TASK_DEFAULTS: dict[str, Any] = {
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

"""Fresh daily forecasts when asked: who asks, who makes them, whose turn it is, what came of it."""

from api.refresh.asking import Asking
from api.refresh.dispatch import AirflowDispatcher, Dispatcher, EmbeddedWorkers, dispatcher_for
from api.refresh.run import run_refresh

__all__ = [
    "AirflowDispatcher",
    "Asking",
    "Dispatcher",
    "EmbeddedWorkers",
    "dispatcher_for",
    "run_refresh",
]

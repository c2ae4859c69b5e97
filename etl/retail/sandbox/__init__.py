"""A marketplace to try things on: replays a file of orders over HTTP, behind a clock."""

from etl.retail.sandbox.app import sandbox_app
from etl.retail.sandbox.marketplace import Behaviour
from etl.retail.sandbox.order_files import read_history
from etl.retail.sandbox.server import add_commands, running, serve
from etl.retail.sandbox.tokens import sandbox_tokens

__all__ = [
    "Behaviour",
    "add_commands",
    "read_history",
    "running",
    "sandbox_app",
    "sandbox_tokens",
    "serve",
]

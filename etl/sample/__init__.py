"""The sample: three invented merchants with eight stores and four years of orders, from a seed."""

from etl.sample.command import add_commands
from etl.sample.make import make_sample

__all__ = ["add_commands", "make_sample"]

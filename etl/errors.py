"""The errors of Storecast, a small tree.

::

    StorecastError                     something a person can act on
    ├── SettingError                   a setting is missing or has a value that cannot be used
    ├── InputError                     a file or argument from a person cannot be read as asked
    ├── TableError                     rows break the contract of a table in `etl.tables`
    ├── LakeError                      a file of the lake is missing, damaged or cannot be written
    ├── SourceError                    a marketplace could not be read
    │   ├── SourceDeniedError          it refused the credentials (never retried)
    │   ├── SourceUnreachableError     it did not answer, after the stated retries
    │   └── SourceContractError        it answered in a shape that its documentation does not give
    ├── IncompleteError                days, shards or counts are missing; the next step waits
    ├── QuarantineLimitError           too many rows of a month were refused
    └── StoreError                     the forecast store cannot be reached, or refused a write

A message names the thing, the rule, what arrived and the next step. One bad series or one bad
order is a row with its reason, never an error; a bad batch raises.
"""

from __future__ import annotations

__all__ = [
    "IncompleteError",
    "InputError",
    "LakeError",
    "QuarantineLimitError",
    "SettingError",
    "SourceContractError",
    "SourceDeniedError",
    "SourceError",
    "SourceUnreachableError",
    "StoreError",
    "StorecastError",
    "TableError",
]


class StorecastError(Exception):
    """Anything that a person can act on; command-line programs print it and exit with 2."""


class SettingError(StorecastError):
    """A setting is missing or has a value that cannot be used."""


class InputError(StorecastError):
    """A file or argument given by a person cannot be read as asked."""


class TableError(StorecastError):
    """Rows break the contract of a table in `etl.tables`."""


class LakeError(StorecastError):
    """A file of the lake is missing, damaged or cannot be written."""


class SourceError(StorecastError):
    """A marketplace could not be read."""


class SourceDeniedError(SourceError):
    """The marketplace refused the credentials; trying again will not help."""


class SourceUnreachableError(SourceError):
    """The marketplace did not answer, after the stated retries."""


class SourceContractError(SourceError):
    """The marketplace answered in a shape that its documentation does not give."""


class IncompleteError(StorecastError):
    """Days, shards or counts are missing, so the next step must not run."""


class QuarantineLimitError(StorecastError):
    """Too many rows of a month were refused at the door."""


class StoreError(StorecastError):
    """The forecast store cannot be reached, or refused a write."""

"""What opens the marketplaces, from Airflow's connections, wherever Airflow keeps them.

The connection `storecast_M1` opens what merchant M1 sells on, `storecast_M1__S1` its store S1
alone. Its password is the token; its host, if it has one, the marketplace's address. A store that
`STORECAST_SOURCE_TOKENS` knows a token for is not looked up. Airflow takes out of its logs whatever
it has read of a connection.
"""

from __future__ import annotations

from collections.abc import Sequence

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from etl.errors import SettingError
from etl.retail.source import add_tokens, knows_token
from etl.settings import PREFIX, Settings

__all__ = ["with_connections"]


def with_connections(stores: Sequence[Sequence[str]], settings: Settings) -> Settings:
    """`settings` that also know the tokens that connections hold for `stores`.

    Each store is its merchant's name and its own. Raises `SettingError` where a connection has no
    password.
    """
    names = {}
    for merchant, store in stores:
        if not knows_token(settings, merchant, store):
            names[merchant] = f"storecast_{merchant}"
            names[f"{merchant}/{store}"] = f"storecast_{merchant}__{store}"
    found = {name: _credential(connection) for name, connection in names.items()}
    return add_tokens(settings, {name: one for name, one in found.items() if one})


def _credential(name: str) -> dict[str, str]:
    """Token and address of the connection; nothing where there is none of that name."""
    try:
        connection = Connection.get(name)
    except AirflowNotFoundException:
        return {}
    if not connection.password:
        raise SettingError(
            f"the connection {name} has no password; put the marketplace's token there, or remove "
            f"the connection and set {PREFIX}SOURCE_TOKENS"
        )
    return {"token": connection.password, "url": _address(connection)}


def _address(connection: Connection) -> str:
    """The marketplace's address, by https unless the connection says otherwise; or none."""
    if not connection.host:
        return ""
    scheme = "" if "://" in connection.host else f"{connection.schema or 'https'}://"
    port = f":{connection.port}" if connection.port else ""
    return f"{scheme}{connection.host}{port}"

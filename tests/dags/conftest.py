"""An Airflow of the tests' own in this process, and a small marketplace to run the DAGs on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from etl.lake import Lake
from etl.registry import add_store
from etl.retail.sandbox import Behaviour, read_history, running, sandbox_app, sandbox_tokens
from etl.retail.source import open_merchant
from etl.sample import make_sample
from etl.settings import Settings, settings_from

MERCHANT = "norte-tech"
PROJECT = Path(__file__).resolve().parents[2]


def pytest_collection_modifyitems(items):
    """Airflow's own modules warn about each other; what they say is not ours to mend."""
    for item in items:
        if PROJECT / "tests" / "dags" in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory) -> Path:
    """An Airflow with an empty database, set up before anything imports it."""
    home = tmp_path_factory.mktemp("airflow")
    os.environ.update(
        AIRFLOW_HOME=str(home),
        AIRFLOW__CORE__DAGS_FOLDER=str(PROJECT / "dags"),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION="False",
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home}/airflow.db",
        AIRFLOW__LOGGING__BASE_LOG_FOLDER=str(home / "logs"),
    )
    from airflow.utils.db import initdb

    initdb()
    return home


@pytest.fixture(scope="session")
def bag(airflow_home):
    """The DAGs, parsed."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(PROJECT / "dags"))


@pytest.fixture(scope="session")
def tiny_sample(tmp_path_factory) -> Path:
    """Orders of a few products in 8 stores over 40 months."""
    folder = tmp_path_factory.mktemp("sample")
    make_sample(folder, seed=7, scale=0.1, months=40)
    return folder


@dataclass
class House:
    """A lake, a store and a marketplace of three stores; `environment` says where they are."""

    folder: Path
    url: str
    tokens: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "STORECAST_LAKE_URL": str(self.folder / "lake"),
            "STORECAST_STORE_URL": f"sqlite:///{self.folder}/store.sqlite",
            "STORECAST_SOURCE_URL": self.url,
            "STORECAST_SOURCE_TOKENS": json.dumps(self.tokens),
            "STORECAST_SHARD_SERIES": "12",
            "STORECAST_JOBS": "1",
            "STORECAST_PMDARIMA_BEST_SELLERS": "3",
        }

    @property
    def settings(self) -> Settings:
        return settings_from(self.environment)

    @property
    def lake(self) -> Lake:
        return Lake(self.settings.lake_url)

    def move_clock(self, now: datetime) -> None:
        httpx.put(f"{self.url}/sandbox/clock", json={"now": now.isoformat()}).raise_for_status()

    def register_stores(self) -> None:
        for merchant in self.tokens:
            for store in open_merchant(self.settings, "mercadolibre", merchant).stores():
                add_store(self.lake, store)

    def tables(self, *names: str) -> dict[str, bytes]:
        """Every file of these tables, by path."""
        return {
            path: self.lake.read_bytes(path) for name in names for path in self.lake.paths(name)
        }


@pytest.fixture(scope="module")
def house(tmp_path_factory, tiny_sample) -> Iterator[House]:
    history = read_history(tiny_sample)
    quiet = Behaviour(now="2026-11-03T06:00:00Z", rate=0, fault_share=0.0)
    with running(sandbox_app(history, quiet)) as url:
        house = House(tmp_path_factory.mktemp("house"), url, sandbox_tokens([MERCHANT], quiet.seed))
        house.register_stores()
        yield house


@pytest.fixture
def run_dag(bag, house, monkeypatch) -> Callable[..., Any]:
    """Runs a DAG in this process and gives its run; a failed task is a failed test."""
    for name, value in house.environment.items():
        monkeypatch.setenv(name, value)

    def run(dag_id: str, **conf: Any) -> Any:
        done = bag.dags[dag_id].test(run_conf=conf)
        states = {task.task_id: task.state for task in done.get_task_instances()}
        assert done.state == "success", f"{dag_id} with {conf}: {states}"
        return done

    return run

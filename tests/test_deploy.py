"""What docs/deploy says fits the schemas, parses, and names only what is there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pycep
import pytest
import yaml

from etl.settings import Settings

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = PROJECT / "docs" / "deploy"
BIN = Path(sys.executable).parent
TEXTS = {
    file.name: file.read_text() for file in sorted(FOLDER.iterdir()) if file.name != "README.md"
}


def said_by(*command):
    """What a checker says; empty where it finds nothing."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def parsed(name):
    return pycep.BicepParser().parse(text=TEXTS[name])


def test_hadolint_finds_nothing_in_the_dockerfile():
    assert said_by(BIN / "hadolint", FOLDER / "Dockerfile") == ""


@pytest.mark.parametrize("name", ["compose.yaml", "azure-pipelines.yml"])
def test_yaml_is_well_kept(name):
    assert said_by(BIN / "yamllint", "-s", "-c", FOLDER / ".yamllint.yaml", FOLDER / name) == ""


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("compose.yaml", ["vendor.compose-spec"]),
        ("azure-pipelines.yml", ["vendor.azure-pipelines", "--data-transform", "azure-pipelines"]),
    ],
)
def test_compose_and_pipeline_fit_their_schemas(name, schema):
    checker = [BIN / "check-jsonschema", "--regex-variant", "nonunicode", "--builtin-schema"]
    assert said_by(*checker, *schema, FOLDER / name) == ""


@pytest.mark.parametrize("name", ["main.bicep", "data.bicep", "apps.bicep"])
def test_bicep_parses_and_keeps_secrets_secure(name):
    for parameter, told in parsed(name)["parameters"].items():
        secret = re.search(r"password|tokens|key|secret", parameter, re.I)
        secure = {"type": "secure"} in told["decorators"]
        assert secure == bool(secret), parameter


def test_modules_get_the_parameters_that_they_declare():
    modules = parsed("main.bicep")["modules"]
    assert set(modules) == {"data", "apps"}
    for module in modules.values():
        declared = parsed(module["detail"]["path"])["parameters"]
        assert set(module["config"]["params"]) == set(declared)


def test_every_parameter_without_a_default_is_given():
    given = set(re.findall(r"^param (\w+) =", TEXTS["main.bicepparam"], re.M))
    declared = parsed("main.bicep")["parameters"]
    needed = {name for name, told in declared.items() if told["default"] is None}
    assert needed <= given <= set(declared)
    variables = set(re.findall(r"readEnvironmentVariable\('(\w+)'", TEXTS["main.bicepparam"]))
    for step in re.findall(r"env:\n((?: {20}\w+: .*\n)+)", TEXTS["azure-pipelines.yml"]):
        assert set(re.findall(r"(\w+): \$\(", step)) == variables


def test_each_collection_of_the_store_has_its_partition_key():
    made = set(parsed("data.bicep")["variables"]["collections"]["value"])
    named = set()
    for file in (PROJECT / "api" / "store").glob("mongo*.py"):
        named |= set(re.findall(r'(?:_database\[|_durably\()"(\w+)"', file.read_text()))
    assert len(named) >= 8
    assert named <= made


def test_what_is_set_is_a_setting():
    for name, text in TEXTS.items():
        for setting in re.findall(r"STORECAST_([A-Z_]+)", text):
            known = setting in {"VERSION", "REGISTRY"} or hasattr(Settings, setting.lower())
            assert known, f"{name} sets STORECAST_{setting}"


def test_commands_and_files_are_there():
    from api.__main__ import _parser

    commands = json.dumps(_parser().format_help())
    for text in TEXTS.values():
        for command in re.findall(r"-m['\", ]+api['\", ]+(\w+)", text):
            assert command in commands, command
        for path in re.findall(r"(?:docs/deploy|dags)/[\w.]+\.\w+", text):
            assert (PROJECT / path).exists(), path
    for copied in re.findall(r"^COPY (?!--)(.+) \S+$", TEXTS["Dockerfile"], re.M):
        assert all((PROJECT / name).exists() for name in copied.split())


def test_every_airflow_setting_of_the_workers_is_the_operators_page_s():
    compose = yaml.safe_load(TEXTS["compose.yaml"])
    environment = compose["services"]["worker"]["environment"]
    page = (PROJECT / "docs" / "operations.md").read_text()
    for setting in ("worker_prefetch_multiplier", "extra_celery_config"):
        assert setting in page and f"AIRFLOW__CELERY__{setting.upper()}" in environment
    for setting in ("task_instance_heartbeat_sec", "task_instance_heartbeat_timeout"):
        assert setting in page and f"AIRFLOW__SCHEDULER__{setting.upper()}" in environment


def test_no_secret_stands_in_a_file():
    for name, text in TEXTS.items():
        assert not re.search(r"(?i)(password|secret|key): ['\"][A-Za-z0-9+/]{16,}['\"]", text), name
    compose = yaml.safe_load(TEXTS["compose.yaml"])
    assert all(service.get("user") != "root" for service in compose["services"].values())
    assert re.search(r"^USER 10001$", TEXTS["Dockerfile"], re.M)

"""compose.yaml and the Dockerfile, as far as they can be tried without a container engine.

Each command exists, and each service's environment passes the strict reading of settings.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import bridge.settings
import vault.settings
from bridge.processes import BRIDGE, VAULT
from runtime.settings import SettingsError
from tests.docs.papers import ROOT
from tests.docs.test_commands import mistake

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: s for name, s in SERVICES.items() if s["image"] == "vaultbridge"}
MOUNTED = "/run/secrets/"
SECRETS = {
    "keys": "a key",
    "vault_keys": "another",
    "postgres_password": "0123",
    "bridge_database_url": "postgresql://vaultbridge:0123@postgres/bridge",
    "vault_database_url": "postgresql://vaultbridge:0123@postgres/vault",
}
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def procfile() -> dict[str, list[tuple[str, ...]]]:
    """The Procfile's processes and their commands."""
    lines = (ROOT / "Procfile").read_text("utf-8").splitlines()
    pairs = (line.split(": ", 1) for line in lines)
    return {name: [tuple(c.split()) for c in said.split(" && ")] for name, said in pairs}


def environment(service: dict[str, Any], secrets: Path) -> dict[str, str]:
    """A service's environment, its mounted secrets standing in a folder here."""
    return {
        name: value.replace(MOUNTED, f"{secrets}/")
        for name, value in service["environment"].items()
    }


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """The folder of secrets as docs/operate.md has them made."""
    for name, content in SECRETS.items():
        (tmp_path / name).write_text(content, "utf-8")
    return tmp_path


def test_the_procfile_names_the_processes_that_up_runs():
    processes = {name: [command] for name, command in {**BRIDGE, **VAULT}.items()}
    migrations = [("vaultbridge", "migrate"), ("certvault", "migrate")]

    assert {"release": migrations, **processes} == procfile()


def test_compose_runs_every_process_of_the_procfile_and_no_other():
    wanted = {name: list(commands[0]) for name, commands in procfile().items() if name != "release"}
    wanted |= {"migrate": ["vaultbridge", "migrate"]}
    wanted |= {"vault-migrate": ["certvault", "migrate"]}

    assert wanted == {name: service["command"] for name, service in OURS.items()}


@pytest.mark.parametrize("name", OURS)
def test_the_command_of_a_service_exists(name: str):
    assert mistake(OURS[name]["command"]) is None


@pytest.mark.parametrize("name", OURS)
def test_the_environment_of_a_service_is_accepted(name: str, secrets: Path):
    service = OURS[name]
    module = {
        "vaultbridge": bridge.settings.from_environment,
        "certvault": vault.settings.read,
    }
    settings = module[service["command"][0]](environment(service, secrets))

    assert settings.database_url in SECRETS.values()
    assert settings.host == "0.0.0.0"  # noqa: S104  # in a container, behind its own network


def test_a_setting_that_does_not_exist_would_be_noticed(secrets: Path):
    env = environment(OURS["web"], secrets) | {"BRIDGE_PUBLIC_ADDRESS": "https://x.example"}

    with pytest.raises(SettingsError, match="BRIDGE_PUBLIC_ADDRESS: no such setting"):
        bridge.settings.from_environment(env)


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_uses_is_declared(name: str):
    service = SERVICES[name]
    mounted = {
        value.removeprefix(MOUNTED)
        for value in service.get("environment", {}).values()
        if value.startswith(MOUNTED)
    }
    volumes = {volume.partition(":")[0] for volume in service.get("volumes", ())}
    configs = {config["source"] for config in service.get("configs", ())}

    assert mounted == set(service.get("secrets", ()))
    assert mounted <= COMPOSE["secrets"].keys()
    assert volumes <= COMPOSE["volumes"].keys()
    assert configs <= COMPOSE.get("configs", {}).keys()
    assert set(service["networks"]) <= COMPOSE["networks"].keys()
    assert service.get("depends_on", {}).keys() <= SERVICES.keys()


def test_each_service_waits_for_its_migration_and_each_migration_for_the_database():
    for name, service in OURS.items():
        needs = {other: how["condition"] for other, how in service["depends_on"].items()}
        if name in ("migrate", "vault-migrate"):
            assert {"postgres": "service_healthy"} == needs
            assert service["restart"] == "no"
        else:
            first = "vault-migrate" if name.startswith("vault-") else "migrate"
            assert {first: "service_completed_successfully", "valkey": "service_healthy"} == needs
            assert service["restart"] == "always"


def test_what_a_service_waits_for_has_a_health_to_wait_for():
    waited_for = {
        other
        for service in SERVICES.values()
        for other, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_healthy"
    }

    assert [] == [name for name in waited_for if "healthcheck" not in SERVICES[name]]


def test_health_is_asked_at_the_port_that_is_listened_on_and_published(secrets: Path):
    for name, port in (("web", "8000"), ("vault-web", "8200")):
        assert f":{port}/health/ready" in OURS[name]["healthcheck"]["test"][-1]
        assert [f"127.0.0.1:{port}:{port}"] == OURS[name]["ports"]
        assert port in environment(OURS[name], secrets).values()


def test_database_and_bells_are_reached_by_nobody_else():
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "valkey"):
        assert SERVICES[name]["networks"] == ["inside"]
        assert "ports" not in SERVICES[name]


def test_operate_md_has_every_secret_made_that_compose_wants():
    operate = (ROOT / "docs" / "operate.md").read_text("utf-8")
    made = set(re.findall(r"> (secrets/\w+)", operate)) - {"secrets/token"}

    assert made == {secret["file"] for secret in COMPOSE["secrets"].values()}
    assert SECRETS.keys() == COMPOSE["secrets"].keys()


def test_the_image_is_installed_from_the_lock_and_runs_as_nobody_special():
    command = re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)

    assert "--require-hashes -r requirements.lock" in DOCKERFILE
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert command is not None
    assert mistake(json.loads(command[1])) is None


def test_the_image_holds_every_package_of_the_distribution_and_docker_is_sent_them():
    copied = re.findall(r"^COPY (\w+)/ \1/$", DOCKERFILE, re.MULTILINE)
    sent = re.findall(r"^!(\w+)/$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    packages = re.search(r"^packages = (\[\"bridge.*\])$", project, re.MULTILINE)

    assert packages is not None
    assert sorted(json.loads(packages[1])) == sorted(copied) == sorted(sent)

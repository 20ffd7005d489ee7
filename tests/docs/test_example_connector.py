"""The example connector in docs works: installed as its own package, found, and up to the contract.

It is made visible as an installed package is: a folder on the path with its entry points beside it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docs.papers import ROOT, blocks

EXAMPLE = ROOT / "docs" / "examples" / "connector"
PROJECT = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]
FIND = """
from connectors import registry
connector = registry.load("quill")
print(connector.__module__, *registry.names())
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """The environment of a process in which the example is installed."""
    info = tmp_path / "installed" / f"vaultbridge_quill-{PROJECT['version']}.dist-info"
    info.mkdir(parents=True)
    about = f"Metadata-Version: 2.1\nName: {PROJECT['name']}\nVersion: {PROJECT['version']}\n"
    (info / "METADATA").write_text(about, "utf-8")
    points = "".join(
        f"[{group}]\n" + "".join(f"{name} = {where}\n" for name, where in members.items())
        for group, members in PROJECT["entry-points"].items()
    )
    (info / "entry_points.txt").write_text(points, "utf-8")
    path = os.pathsep.join(map(str, (info.parent, EXAMPLE, ROOT)))
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    return {**kept, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def run(env: dict[str, str], *command: str, cwd: Path = EXAMPLE) -> str:
    """What a command printed; fails with all it said if it ended badly."""
    done = subprocess.run(  # noqa: S603  # our own programs
        [sys.executable, *command], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_example_passes_the_contract_suite_it_ships_with(env: dict[str, str]):
    said = run(env, "-m", "pytest", "-q", "-p", "no:cacheprovider")

    assert " passed" in said
    assert "skipped" not in said


def test_the_bridge_finds_the_example_beside_its_own_connectors(env: dict[str, str]):
    assert run(env, "-c", FIND).split() == [
        "vaultbridge_quill.connector",
        "moodle",
        "quill",
        "signed",
    ]


def test_a_site_of_the_example_can_be_added(env: dict[str, str], tmp_path: Path):
    (tmp_path / "token").write_text("0123456789abcdef\n", "utf-8")
    (tmp_path / "signing").write_text("a-long-random-text\n", "utf-8")
    env |= {
        "BRIDGE_DATABASE_URL": f"sqlite:///{tmp_path}/bridge.sqlite",
        "BRIDGE_REDIS_URL": f"unix://{tmp_path}/redis.sock",
        "BRIDGE_KEY_FILE": f"{tmp_path}/secret.key",
        "BRIDGE_PUBLIC_URL": "https://certs.example.edu",
    }
    (tmp_path / "secret.key").write_text(run(env, "-m", "bridge.cli", "keys", "new"), "utf-8")
    run(env, "-m", "bridge.cli", "migrate")

    said = run(
        env,
        *("-m", "bridge.cli", "site", "add", "quill-main", "--connector", "quill"),
        *("--set", "base_url=https://quill.example.edu"),
        *("--secret", f"token=@{tmp_path}/token"),
        *("--secret", f"signing_secrets=@{tmp_path}/signing"),
    )

    assert "https://certs.example.edu/hooks/quill/quill-main" in said


def test_the_page_for_authors_shows_the_example_as_it_is():
    page = (ROOT / "docs" / "connectors.md").read_text("utf-8")
    example = "\n".join(
        file.read_text("utf-8") for file in EXAMPLE.rglob("*") if file.suffix in {".py", ".toml"}
    )
    shown = [b.text.strip("\n") for b in blocks(page) if b.language in {"python", "toml"}]

    assert shown
    assert [] == [text for text in shown if text not in example]

"""The audit log on the command line: each act once, with before and after, and no secret in it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bridge.cli import cli
from bridge.pipeline import audit
from bridge.store import tables
from bridge.store.acts import Filters
from tests.bridge.cli.conftest import Run
from tests.bridge.world import NOON, World

CANARY = "a-canary-nobody-may-read"
SUE = "sue@staff.example"
MAPPING = "course-completion"
#: What each command leaves, in this order; commands of which other tests see that they leave one
#: (`tests.bridge.acts`) are not repeated here.
ACTS: tuple[tuple[str, str], ...] = (
    (
        "issuer add second --url https://vault.example --institution I --secret token=@{canary}",
        "added",
    ),
    ("issuer set second --owner alice@example.edu", "changed"),
    ("issuer rotate second --secret token=@{canary}", "rotated"),
    ("issuer remove second", "removed"),
    ("site add third --connector signed --secret secrets=@{signing}", "added"),
    ("site set third --timezone Asia/Dubai", "changed"),
    ("site rotate third --secret secrets=@{signing}", "rotated"),
    ("site remove third", "removed"),
    (f"mappings announce {MAPPING} 5000 --until 2030-01-01 --reason exams", "announced"),
    (f"mappings deactivate {MAPPING} --reason over", "deactivated"),
    (f"people invite {SUE} --name Sue", "invited as viewer"),
    (f"people link {SUE}", "given a new link"),
    (f"people role {SUE} support", "made support"),
    (f"people limit {SUE} --site scripted-main", "given other limits"),
    (f"people sign-out {SUE}", "signed out everywhere"),
    (f"people remove {SUE}", "removed"),
    ("reconcile --site scripted-main", "reconciled"),
    (
        "learner erase --site scripted-main --learner ada --reason asked --yes",
        "learner's data erased",
    ),
    ("keys rotate", "rotated"),
    ("backup {backup}", "copied"),
)
#: Commands with ``--as`` that other tests run, each of which fails where nothing is written down.
ELSEWHERE = frozenset(
    {
        "issuer check",
        "site resume",
        "mappings add",
        "mappings draft",
        "mappings publish",
        "mappings push",
        "mappings rehearse",
        "mappings restore",
        "mappings take-up",
        "replay",
        "release",
        "discard",
        "correct",
        "link new",
        "link revoke",
        "dismiss",
        "restore",
        "learner export",
        "tokens new",
        "tokens revoke",
    }
)


def acting(command: click.Command, path: str = "") -> Iterator[str]:
    """The commands that say who acts."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found
            yield from acting(found, f"{path} {name}".strip())
    elif any("--as" in parameter.opts for parameter in command.params):
        yield path


def test_each_command_by_which_a_person_acts_is_seen_to_leave_an_act() -> None:
    walked = {name for name in acting(cli) if any(f"{a} ".startswith(f"{name} ") for a, _ in ACTS)}

    assert set(acting(cli)) - walked == ELSEWHERE


@pytest.fixture
def places(tmp_path: Path, secret_files: dict[str, str]) -> dict[str, str]:
    (tmp_path / "canary").write_text(CANARY)
    return {
        "canary": str(tmp_path / "canary"),
        "signing": secret_files["secrets"].partition("@")[2],
        "backup": str(tmp_path / "copy.sqlite"),
    }


def test_each_act_is_in_the_log_once_and_no_secret_is(
    run: Run, world: World, places: dict[str, str]
) -> None:
    world.generate("ada")
    world.settle()
    said = []
    for command, _ in ACTS:
        before = len(list(audit.every(world.bridge, Filters())))
        ended = run(*command.format(**places).split())
        assert not ended.err.startswith("vaultbridge:"), ended.err
        acts = list(audit.every(world.bridge, Filters()))
        said.append((command, "; ".join(act.what for act in acts[: len(acts) - before])))

    assert list(ACTS) == said
    told = run("audit", "--json").out
    signing = Path(places["signing"]).read_text().strip()
    for secret in (CANARY, signing):
        assert secret not in told
        assert all(secret not in str(row) for row in world.rows(tables.event))


def test_the_log_is_told_as_a_table_csv_and_json_lines(run: Run, world: World) -> None:
    run("site", "set", "scripted-main", "--timezone", "Asia/Dubai", "--as", "ada")
    run("site", "set", "scripted-main", "--timezone", "", "--as", "=bob")

    told = [json.loads(line) for line in run("audit", "--json", "--kind", "site").out.splitlines()]
    assert [("=bob", "scripted-main"), ("ada", "scripted-main")] == [
        (one["who"], one["name"]) for one in told
    ]
    rows = list(csv.DictReader(io.StringIO(run("audit", "--csv", "--which", "scripted-main").out)))
    assert ["'=bob", "ada"] == [row["who"] for row in rows]
    assert "scripted-main" in run("audit", "--limit", "1").out
    assert "Nobody did that." in run("audit", "--who", "charlie").out
    assert [] == run("audit", "--json", "--until", NOON.date().isoformat()).out.splitlines()


def test_a_dossier_is_told_on_the_command_line(run: Run, world: World, tmp_path: Path) -> None:
    world.generate("ada")
    row = world.issuance

    assert row.reference_id == run("dossier", row.id, "--json").json["certificate"]["reference_id"]
    assert row.file_sha256 in run("dossier", row.id).out
    out = tmp_path / "d.pdf"
    assert 0 == run("dossier", row.id, "--out", str(out)).code
    assert out.read_bytes().startswith(b"%PDF")
    assert "vaultbridge issuances" in run("dossier", "is_none").err

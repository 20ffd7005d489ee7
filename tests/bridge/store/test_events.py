"""Events: what people changed is written down without secrets, and found among all else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.store import events, tables
from bridge.store.changes import kept
from runtime.settings import MASK
from tests.bridge.world import NOON, World


def recorded(world: World, subject: str = "keys", **told: Any) -> Any:
    with world.bridge.database.write() as conn:
        events.record(conn, subject, "changed", at=NOON, **told)
    return world.rows(tables.event)[-1]


def test_only_what_an_act_changed_is_kept(world: World) -> None:
    row = recorded(
        world,
        who="ada",
        before={"timezone": None, "auto_mend": False, "gone": 1},
        after={"timezone": "Asia/Dubai", "auto_mend": False, "new": [NOON]},
    )

    assert {"timezone": None, "gone": 1} == row.before
    assert {"timezone": "Asia/Dubai", "new": ["2026-11-23T12:00:00+00:00"]} == row.after


@pytest.mark.parametrize(
    ("subject", "done_to"),
    [
        ("st_01a20846fe00" + "0" * 10, "site"),
        ("mv_01a20846fe00" + "0" * 10, "mapping version"),
        ("template " + "t" * 100, "template"),
        (events.KEYS, "keys"),
    ],
)
def test_an_act_says_what_kind_of_thing_it_was_done_to(
    world: World, subject: str, done_to: str
) -> None:
    acts = [
        recorded(world, subject, who="ada").act_on,
        recorded(world, subject, who="ada", act=False).act_on,
        recorded(world, subject).act_on,
    ]

    assert [done_to, None, None] == acts


@pytest.mark.parametrize(
    "told",
    [
        {"token": "CANARY"},
        {"webhook_secrets": ["CANARY", "CANARY"]},
        {"settings": {"oauth": [{"client_secret": "CANARY"}]}},
        {"Authorization": "CANARY"},
        {"api_key": 12345},
        {"password": "CANARY"},
        {"url": "https://user:CANARY@lms.example/x"},
        {"note": "it said Bearer CANARY"},
        {"owners": ["https://hooks.slack.example/services/CANARY"]},
        {"logo": b"CANARY"},
        {"private_key_file": ("CANARY",)},
    ],
    ids=lambda told: next(iter(told)),
)
def test_no_secret_is_written_down_whoever_tells_it(told: dict[str, Any]) -> None:
    text = json.dumps(kept(told))

    assert "CANARY" not in text
    assert "12345" not in text


def test_what_is_no_secret_stays_readable() -> None:
    told = {
        "keys": "the word alone",
        "course": "https://lms.example/course/1",
        "token": None,
        "email": "ada@staff.example",
        "long": "x" * 3000,
    }

    assert {**told, "long": "x" * 2000 + " … (3000 characters)"} == kept(told)
    assert {"token": MASK} == kept({"token": "t"})

"""What must not be readable: secrets in the database; names, addresses and links in logs."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog

from bridge.store import tables
from bridge.store.tables import metadata
from connectors.base import Permanent
from runtime import logging as runtime_logging
from tests.bridge.institution import KEY
from tests.bridge.world import SECRET, World
from tests.scripted_vault import TOKEN, answers, lost_reply

#: As they are, as they stand in headers, and as bytes.
SECRETS = (TOKEN, SECRET, SECRET.removeprefix("whsec_"), KEY)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything logged, as a process of ours logs it."""
    lines = io.StringIO()
    root = logging.getLogger()
    handler = logging.StreamHandler(lines)
    root.addHandler(handler)
    before = structlog.get_config()
    structlog.configure(
        processors=[
            structlog.processors.format_exc_info,
            runtime_logging.redact,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=repr),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=lines),
    )
    yield lines
    structlog.configure(**before)
    root.removeHandler(handler)


def eventful_life(world: World) -> None:
    """Everything that writes rows and log lines, good and bad."""
    refused = answers(422, {"message": "Not like this."})
    world.vault.then("bulk", refused, refused)
    world.vault.then("upload", lost_reply, answers(500, "<html>"))
    world.vault.then("list", answers(401))
    world.lms.enriching.append(ZeroDivisionError("a fault"))
    world.lms.writing.append(Permanent("refused", remedy="mend"))
    for who in ("ada", "bob", "eve"):
        world.complete(who)
    world.post(b"no json")
    world.post(b"{}", headers={"authorization": "Bearer a-strangers-canary"})
    world.settle()
    world.replay(world.rows(metadata.tables["issuance"])[0].id)


def test_no_secret_stands_in_the_database_in_plain(world: World) -> None:
    eventful_life(world)
    url = world.bridge.database.engine.url
    told = " ".join(
        str(tuple(row)) for table in metadata.sorted_tables for row in world.rows(table)
    )
    if url.get_backend_name() == "sqlite":
        world.bridge.database.close()
        told += Path(str(url.database)).read_bytes().decode("latin-1")

    for secret in SECRETS:
        assert secret not in told
        assert base64.b64encode(secret.encode()).decode() not in told
    assert "a-strangers-canary" not in told
    with world.bridge.database.read() as conn:
        assert 4 == conn.execute(sa.text("SELECT count(*) FROM delivery")).scalar_one()


def test_no_log_line_tells_a_secret_a_name_an_address_or_a_link(
    world: World, log: io.StringIO
) -> None:
    eventful_life(world)

    lines = [json.loads(line) for line in log.getvalue().splitlines() if line.startswith("{")]
    assert {"delivery", "completion", "sent", "sent_in_bulk", "step_failed", "issuer_paused"} <= {
        line["event"] for line in lines
    }
    told = log.getvalue()
    tokens = [row.id for row in world.rows(metadata.tables["link"])]
    for canary in (*SECRETS, "Lovelace", "learners.example", "a-strangers-canary", *tokens):
        assert canary not in told, canary


def test_a_statement_that_the_database_refuses_is_logged_without_its_values(
    world: World, log: io.StringIO
) -> None:
    def insert_again(_batch: object) -> None:
        again = {**world.issuer._mapping, "institution_name": "a-canary"}
        with world.bridge.database.write() as conn:
            conn.execute(sa.insert(tables.issuer).values(**again))

    world.lms.enriching.append(insert_again)
    world.complete()
    world.run("normalise")

    (line,) = [line for line in map(json.loads, log.getvalue().splitlines()) if "trace" in line]
    assert "insert_again" in line["trace"]
    assert line["reason"] in ("IntegrityError", "UniqueViolation")
    assert "canary" not in log.getvalue()
    assert line["reason"] in world.completion.problem

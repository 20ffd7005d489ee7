"""``deliveries``, ``completions``, ``issuances``, ``show``, ``link``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

import click
import sqlalchemy as sa

from bridge.cli.printing import print_json, print_table
from bridge.cli.session import (
    AS_OPTION,
    JSON_OPTION,
    LIMIT_OPTION,
    bridge,
    person,
)
from bridge.pipeline.history import History, history_of
from bridge.store import completions as completion_rows
from bridge.store import deliveries as delivery_rows
from bridge.store import events, links, write_backs
from bridge.store import issuances as issuance_rows
from bridge.store.states import (
    CompletionState,
    DeliveryState,
    IssuanceState,
    WriteBackState,
)
from bridge.wiring import Bridge

Command = TypeVar("Command", bound=Callable[..., Any])


def _state(states: type[StrEnum]) -> Callable[[Command], Command]:
    return click.option("--state", type=click.Choice([s.value for s in states]), help="Only these.")


@click.command()
@_state(DeliveryState)
@LIMIT_OPTION
@JSON_OPTION
def deliveries(state: str | None, limit: int, as_json: bool) -> None:
    """List deliveries: what LMSs sent, newest first."""
    b = bridge()
    with b.database.read() as conn:
        rows = [
            {k: row[k] for k in ("id", "site", "received_at", "state", "problem", "remedy")}
            for row in delivery_rows.recent(conn, state=state, limit=limit)
        ]
    if as_json:
        print_json(rows)
    else:
        columns = ("id", "site", "received_at", "state", "problem", "remedy")
        print_table(columns, rows, empty="No delivery.")


@click.command()
@_state(CompletionState)
@LIMIT_OPTION
@JSON_OPTION
def completions(state: str | None, limit: int, as_json: bool) -> None:
    """List completions: who completed what, newest first."""
    b = bridge()
    with b.database.read() as conn:
        rows = [_completion(row) for row in completion_rows.recent(conn, state=state, limit=limit)]
    if as_json:
        print_json(rows)
    else:
        columns = ("id", "site", "course_title", "full_name", "round", "state", "problem", "remedy")
        print_table(columns, rows, empty="No completion.")


def _completion(row: Mapping[Any, Any]) -> dict[str, Any]:
    names = ("id", "site", "course_id", "learner_id", "round", "state", "problem", "remedy")
    return {
        **{name: row[name] for name in names},
        "full_name": row["data"]["learner"]["full_name"],
        "course_title": row["data"]["course"]["title"],
        "delivery": row["delivery_id"],
        "same_as": row["same_as"],
    }


@click.command()
@_state(IssuanceState)
@LIMIT_OPTION
@JSON_OPTION
def issuances(state: str | None, limit: int, as_json: bool) -> None:
    """List issuances: certificates on their way and at their end, newest first."""
    b = bridge()
    with b.database.read() as conn:
        found = issuance_rows.recent(conn, state=state, limit=limit)
        telling = write_backs.of_issuances(conn, [row["id"] for row in found])
    rows = [_issuance(b, row, telling.get(row["id"], ())) for row in found]
    if as_json:
        print_json(rows)
    else:
        columns = ("id", "site", "full_name", "state", "reference_id", "written_back", "problem")
        print_table(columns, rows, empty="No issuance.")


def _issuance(b: Bridge, row: Mapping[Any, Any], telling: Sequence[sa.Row[Any]]) -> dict[str, Any]:
    link = b.links.url(row["link_id"]) if row["link_id"] else None
    course = row["completion_data"]["course"]
    learner = row["completion_data"]["learner"]
    done = row["state"] == IssuanceState.GENERATED
    # Of several gradebooks, the first that does not tell it.
    told = next((w for w in telling if w.state != WriteBackState.READ_BACK), (*telling, None)[0])
    return {
        "id": row["id"],
        "site": row["site"],
        "learner_id": row["learner_id"],
        "course_id": row["course_id"],
        "full_name": row["full_name"] or learner["full_name"],
        "course_title": course["title"],
        "mapping": f"{row['mapping_name']} v{row['mapping_version']}",
        "state": row["state"],
        "reference_id": row["reference_id"],
        "status": row["vault_status"],
        "link": link,
        # The file itself, without a redirect; this address expires, the link does not.
        "download": b.links.download_url(row["link_id"], now=b.now()) if link and done else None,
        "verification_url": row["verification_url"],
        "replaces": row["replaces"],
        "written_back": told and told.state,
        "problem": row["problem"] or (told and told.problem),
        "remedy": row["remedy"] or (told and told.remedy),
    }


@click.command()
@click.argument("row_id", metavar="ID")
@JSON_OPTION
def show(row_id: str, as_json: bool) -> None:
    """Show one delivery, completion, issuance or write-back with its whole history."""
    b = bridge()
    with b.database.read() as conn:
        told = history_of(b, conn, row_id)
    if as_json:
        print_json({"row": told.row, "history": told.lines})
        return
    _print(told)


def _print(told: History) -> None:
    for key, value in told.row.items():
        if value not in (None, "", {}, []):
            click.echo(f"{key:18} {value}")
    click.echo("")
    for line in told.lines:
        moment = line["at"].strftime("%Y-%m-%d %H:%M:%S")
        detail = f"  {line['detail']}" if line["detail"] else ""
        click.echo(f"{moment}  {line['subject']}  {line['what']}  by {line['who']}{detail}")


@click.group()
def link() -> None:
    """Links: the learner's address of one certificate."""


@link.command()
@click.argument("issuance_id")
@AS_OPTION
def revoke(issuance_id: str, who: str | None) -> None:
    """Revoke a learner's link; the page says so from now on."""
    b = bridge()
    with b.database.write() as conn:
        now = b.database.now(conn)
        if not links.revoke(conn, issuance_id, now=now):
            raise click.ClickException(f"{issuance_id} has no live link.")
        events.record(conn, issuance_id, "link revoked", at=now, who=person(who))
    click.echo("Revoked. A new one: vaultbridge link new " + issuance_id)


@link.command()
@click.argument("issuance_id")
@AS_OPTION
def new(issuance_id: str, who: str | None) -> None:
    """Print an issuance's live link; make one if it has none, and tell the gradebook."""
    b = bridge()
    with b.database.write() as conn:
        row = issuance_rows.by_id(conn, issuance_id)
        if row is None or row.state != IssuanceState.GENERATED:
            raise click.ClickException(f"{issuance_id} is no generated certificate.")
        now = b.database.now(conn)
        link_id = links.live_link(conn, issuance_id, now=now)
        write_backs.make_due(conn, [row.id], now=now)
        events.record(conn, issuance_id, "link shown", at=now, who=person(who))
    b.ring("write_back")
    click.echo(b.links.url(link_id))

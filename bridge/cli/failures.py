"""``vaultbridge failures …``: what stays behind, grouped by cause, with the next move."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

import click

from bridge.cli.printing import print_json, print_table
from bridge.cli.session import JSON_OPTION, LIMIT_OPTION, bridge
from bridge.pipeline.attention import move, replay_command
from bridge.pipeline.known_causes import KnownCause, known
from bridge.store import accounts
from bridge.store import failures as rows
from bridge.store.failures import Failures
from bridge.wiring import Bridge
from runtime.counting import counted

SITE_OPTION = click.option("--site", "site_name", help="Of this site alone.")
_INDENT = " " * 7


@click.group(invoke_without_command=True)
@SITE_OPTION
@JSON_OPTION
@click.pass_context
def failures(context: click.Context, site_name: str | None, as_json: bool) -> None:
    """Failures: what stays behind, grouped by cause, with the next move for each."""
    if context.invoked_subcommand is not None:
        return
    b = bridge()
    found = _groups(b, site_name)
    if as_json:
        print_json([_told(group) for group in found])
    elif not found:
        click.echo("Nothing stays behind.")
    else:
        for group in found:
            _print(group)
        total = sum(group.size for group in found)
        click.echo(f"{counted(len(found), 'cause')}, {counted(total, 'row')}.")


@failures.command()
@click.argument("cause")
@SITE_OPTION
@LIMIT_OPTION
@JSON_OPTION
def show(cause: str, site_name: str | None, limit: int, as_json: bool) -> None:
    """Show the rows that fail for a CAUSE, or for any that begins with it."""
    b = bridge()
    found = _groups(b, site_name, cause)
    if not found:
        raise accounts.NotThere(f"Nothing fails for {cause!r}. See `vaultbridge failures`.")
    with b.database.read() as conn:
        listed = rows.members(conn, cause, site_name=site_name, limit=limit)
    if as_json:
        print_json({"groups": [_told(group) for group in found], "rows": listed})
        return
    for group in found:
        _print(group)
    columns = ("id", "site", "course_id", "learner_id", "state", "failing_since", "problem")
    print_table(columns, listed, empty="")
    total = sum(group.size for group in found)
    if len(listed) < total:
        click.echo(f"The newest {len(listed):,} of {total:,}; --limit shows more.")


def _groups(b: Bridge, site_name: str | None, cause: str | None = None) -> Sequence[Failures]:
    with b.database.read() as conn:
        if site_name is not None:
            accounts.site_named(conn, site_name)
        found = rows.groups(conn, site_name=site_name, cause=cause)
    # What waits for a person first; then the largest, as they come.
    return sorted(found, key=lambda group: not known(group.cause).waits_for_a_person)


def _told(group: Failures) -> dict[str, Any]:
    step, code, *field = group.cause.split(".", 2)
    about = known(group.cause)
    return {
        "cause": group.cause,
        "connector": group.connector,
        "step": step,
        "code": code,
        "field": field[0] if field else None,
        "places": group.places,
        "size": group.size,
        "states": group.states,
        "first_seen": group.first_seen,
        "last_seen": group.last_seen,
        "means": about.means,
        "mended_by": about.mender.value,
        "next": move(group),
        "replay": replay_command(group) if about.replays else None,
        "example": {
            "id": group.example.id,
            "problem": group.example.problem,
            "remedy": group.example.remedy,
        },
    }


def _print(group: Failures) -> None:
    about = known(group.cause)
    where = " ".join(filter(None, [group.connector, ", ".join(group.places)]))
    states = ", ".join(f"{count:,} {state}" for state, count in sorted(group.states.items()))
    click.secho(f"{group.size:>6,} {group.cause}", bold=True)
    _say(" · ".join(filter(None, [where, states, _seen(group)])))
    _say(about.means)
    _say(f"{_who(about)} {move(group)}")
    if about.replays:  # whole, to be copied
        click.echo(f"{_INDENT}Then: {replay_command(group)} --dry-run")
    _say(f"For example {group.example.id}: {group.example.problem}")
    click.echo("")


def _who(about: KnownCause) -> str:
    if about.waits_for_a_person:
        return f"Mended by {about.mender.value}."
    return f"{about.mender.value.removeprefix('nobody: ').capitalize()}."


def _say(text: str) -> None:
    """One paragraph; wrapped only where a person reads it."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        text = textwrap.fill(text, width - len(_INDENT), break_on_hyphens=False)
    click.echo(textwrap.indent(text, _INDENT))


def _seen(group: Failures) -> str:
    first = group.first_seen.strftime("%Y-%m-%d %H:%M")
    last = group.last_seen.strftime("%Y-%m-%d %H:%M")
    return f"since {first}" if first == last else f"{first} to {last}"

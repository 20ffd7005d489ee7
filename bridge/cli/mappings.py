"""``vaultbridge mappings …``: check, add and list mapping documents, and help to write them."""

from __future__ import annotations

from pathlib import Path

import click

from bridge.cli.backtesting import backtest
from bridge.cli.documents import known_here, load_all_or_exit
from bridge.cli.previewing import preview
from bridge.cli.printing import print_json, print_table
from bridge.cli.publishing import (
    FILES,
    NEEDED_REASON_OPTION,
    add,
    draft,
    publish,
    rehearse,
    restore,
    tell_others,
    tell_waiting,
    why,
)
from bridge.cli.session import AS_OPTION, JSON_OPTION, bridge, has_installation, person
from bridge.cli.syncing import pull, push
from bridge.cli.versions import announce, diff, history
from bridge.pipeline import earlier
from bridge.pipeline.known_names import with_templates
from bridge.pipeline.publishing import withdraw
from bridge.pipeline.zones import zoned
from bridge.settings import PREFIX
from bridge.store import accounts, completions, mapping_versions
from mappings.document import Known
from mappings.json_schema import json_schema
from mappings.listing import listing
from runtime.counting import counted

#: Completions among which a name finds its example: not everyone fills in every profile field.
LOOKED_AT = 50


@click.group()
def mappings() -> None:
    """Mappings: which completions become which certificate."""


@mappings.command()
@FILES
@click.option(
    "--templates",
    envvar=f"{PREFIX}TEMPLATES_DIR",
    show_envvar=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of your own templates.",
)
def check(files: tuple[Path, ...], templates: Path | None) -> None:
    """Tell every mistake in mapping documents, one a line; exit 1 if there is any.

    Several are looked at together: two of the same priority that a course may both fit are one.
    Where BRIDGE_DATABASE_URL is set, issuers, sites and the mappings in use are known as well.
    """
    known = known_here(bridge()) if has_installation() else Known()
    load_all_or_exit(files, with_templates(known, templates))
    click.echo(f"{len(files)} good.")


@mappings.command()
def schema() -> None:
    """Print the JSON Schema of mapping documents, by which an editor helps while you write.

    It knows the keys and the words they take. Expressions only `mappings check` can judge.
    """
    print_json(json_schema())


@mappings.command()
@click.option("--site", required=True, help="The site whose completions the examples are from.")
@JSON_OPTION
def fields(site: str, as_json: bool) -> None:
    """List every name an expression may use, with an example from the site's last completions.

    Custom profile fields and what else the sender told are among them. The example is that of the
    newest completion that has any.
    """
    b = bridge()
    with b.database.read() as conn:
        row = accounts.site_named(conn, site)
        told = completions.latest_told(conn, row.id, limit=LOOKED_AT)
    found = [zoned(each, row, setting=b.settings.timezone) for each in told]
    rows = [
        {"name": n.path, "kind": n.kind.value, "meaning": n.meaning, "example": n.example}
        for n in listing(found, site=row.name)
    ]
    if as_json:
        print_json(rows)
        return
    print_table(("name", "meaning", "example"), rows, empty="")
    if not found:
        click.echo(f"No completion of {row.name} has been taken up yet: nothing to show beside.")


@mappings.command(name="list")
@JSON_OPTION
def list_(as_json: bool) -> None:
    """List the mappings in use; `vaultbridge mappings history NAME` has their drafts, too."""
    b = bridge()
    with b.database.read() as conn:
        rows = [
            {
                "id": row.id,
                "name": row.name,
                "version": row.version,
                "state": row.state,
                "since": row.created_at,
                "sha256": row.sha256[:12],
            }
            for row in mapping_versions.active(conn)
        ]
    if as_json:
        print_json(rows)
    else:
        columns = ("name", "version", "state", "since", "sha256")
        print_table(columns, rows, empty="No mapping yet: vaultbridge mappings add FILE")


@mappings.command()
@click.argument("name")
@NEEDED_REASON_OPTION
@AS_OPTION
def deactivate(name: str, reason: str | None, who: str | None) -> None:
    """Take a mapping out of use. What it issued stays, and what waits goes on waiting."""
    b = bridge()
    with b.database.read() as conn:
        mapping_versions.active_named(conn, name)
    reason = why(reason)
    with b.database.write() as conn:
        withdraw(conn, name, who=person(who), reason=reason, now=b.database.now(conn))
        click.echo(f"{name} is not active any more.")
        tell_waiting(conn, name)


@mappings.command(name="take-up")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Tell how many there are, and change nothing.")
@AS_OPTION
def take_up(names: tuple[str, ...], dry_run: bool, who: str | None) -> None:
    """Have mapped what was completed before any mapping wanted it, and is wanted now.

    With a NAME, what this mapping wants and no other does. Without, what any in use wants.
    """
    b = bridge()
    with b.database.read() as conn:
        in_use = [row.name for row in mapping_versions.active(conn)]
        meant = [mapping_versions.active_named(conn, name).name for name in names] or in_use
    found = earlier.wanted(b, meant)
    one, many = "completion that no mapping wanted is", "completions that no mapping wanted are"
    click.echo(f"{counted(len(found.ids), one, many)} wanted now.")
    tell_others(found)
    if not dry_run:
        click.echo(f"{earlier.take_up(b, found.ids, who=person(who)):,} taken up.")


for command in (
    *(add, draft, rehearse, publish, restore, pull, push),
    *(backtest, preview, history, diff, announce),
):
    mappings.add_command(command)

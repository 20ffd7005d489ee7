"""``vaultbridge learner …``: what is kept of one learner, found, exported, erased."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from bridge.cli.printing import print_json, print_table
from bridge.cli.session import AS_OPTION, JSON_OPTION, LIMIT_OPTION, bridge, person
from bridge.pipeline import erasing
from bridge.store import erasures as rows
from bridge.store.learners import Found
from bridge.wiring import Bridge

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group()
def learner() -> None:
    """A learner's data: everything kept of one, found, exported, erased."""


def _whose(command: Command) -> Command:
    """How a learner is named."""
    for option in (
        click.option("--learner", "learner_id", metavar="ID", help="Their id at the LMS."),
        click.option("--site", help="The site whose learner it is; with --learner."),
        click.option("--email", metavar="ADDRESS", help="Who has this e-mail address."),
    ):
        command = option(command)
    return command


def _found(b: Bridge, email: str | None, site: str | None, learner_id: str | None) -> list[Found]:
    if (email is None) == (site is None or learner_id is None):
        raise click.UsageError("Name a learner by --email, or by --site and --learner.")
    return list(erasing.find(b, email=email, site=site, learner_id=learner_id))


@learner.command()
@_whose
@JSON_OPTION
def find(email: str | None, site: str | None, learner_id: str | None, as_json: bool) -> None:
    """Say where something is kept of a learner, and how much."""
    found = _found(bridge(), email, site, learner_id)
    told = [
        {"site": one.person.site, "learner": one.person.learner_id, **one.counts()} for one in found
    ]
    if as_json:
        print_json(told)
        return
    for one in told:
        click.echo(f"{one.pop('site')}, learner {one.pop('learner')}:")
        for name, number in one.items():
            if number:
                click.echo(f"  {number:6,}  {name.replace('_', ' ')}")


@learner.command()
@_whose
@AS_OPTION
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The ZIP to write; it must not exist yet.",
)
def export(
    email: str | None, site: str | None, learner_id: str | None, out: Path, who: str | None
) -> None:
    """Write everything kept of a learner into one ZIP: data.json and the files."""
    b = bridge()
    found = _found(b, email, site, learner_id)
    try:
        with out.open("xb") as file:
            out.chmod(0o600)
            file.write(erasing.export(b, found, who=person(who)))
    except FileExistsError as exc:
        raise click.ClickException(f"{out} exists. Name another file.") from exc
    click.echo(f"{len(found)} learners are in {out}.")


@learner.command()
@_whose
@click.option("--reason", required=True, help="Why, for the history. Name no person in it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@AS_OPTION
def erase(
    email: str | None,
    site: str | None,
    learner_id: str | None,
    reason: str,
    yes: bool,
    who: str | None,
) -> None:
    """Erase everything kept of a learner; what is left keeps it from being issued again."""
    b = bridge()
    one = erasing.only(_found(b, email, site, learner_id))
    erasing.may_be_erased(one)
    click.echo(f"{one.person.site}, learner {one.person.learner_id}: name, e-mail and file go of")
    for name, number in one.counts().items():
        if number:
            click.echo(f"  {number:6,}  {name.replace('_', ' ')}")
    if not yes:
        typed = click.prompt("This cannot be undone. Type the learner's id to go on", default="")
        if typed != one.person.learner_id:
            raise click.ClickException("Nothing was erased.")
    done = erasing.erase(b, one, who=person(who), reason=reason)
    click.echo(f"Erased ({done.erasure_id}). The vault is told by itself.")
    if done.gradebook:
        click.echo(
            "Empty by hand the learner's cell in the gradebook of course "
            f"{', '.join(done.gradebook)}."
        )


@learner.command()
@LIMIT_OPTION
@JSON_OPTION
def erasures(limit: int, as_json: bool) -> None:
    """List what was erased, and what vaults are still to be asked for."""
    b = bridge()
    with b.database.read() as conn:
        found = [_erasure(row, rows.kept(conn, row.id)) for row in rows.recent(conn, limit=limit)]
    if as_json:
        print_json(found)
        return
    columns = ("id", "site", "at", "who", "reason", "state", "vault_due", "vault_done")
    print_table(columns, found, empty="Nobody's data was erased.")
    for text in (text for one in found for text in one["ask"]):
        click.echo(f"\n{text}")


def _erasure(row: Any, kept: Sequence[Any]) -> dict[str, Any]:
    names = ("id", "site", "who", "reason", "state", "counts", "vault_due", "vault_done")
    asked = [erasing.request_text(one) for one in kept]
    return {"at": row.created_at, **{name: getattr(row, name) for name in names}, "ask": asked}

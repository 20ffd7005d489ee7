"""``vaultbridge mappings pull|push``: a folder of documents and the database, kept the same.

Neither is written over where both have changed: that is a conflict, told with both versions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import sqlalchemy as sa

from bridge.cli.conflicts import conflicts_of, stop_at
from bridge.cli.documents import known_here, load_all_or_exit
from bridge.cli.folder import Document as File
from bridge.cli.folder import Folder, Standing
from bridge.cli.publishing import EARLIER_OPTION, look_back, tell, tell_waiting, why
from bridge.cli.session import AS_OPTION, bridge, person
from bridge.pipeline.publishing import Act, Document, put, withdraw
from bridge.store import mapping_versions
from bridge.store.states import MappingState

Command = TypeVar("Command", bound=Callable[..., Any])


FOLDER = click.argument(
    "folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False, exists=True)
)


def _options(force: str) -> Callable[[Command], Command]:
    def add(command: Command) -> Command:
        command = click.option("--dry-run", is_flag=True, help="Tell, and change nothing.")(command)
        return click.option("--force", is_flag=True, help=force)(command)

    return add


@click.command()
@FOLDER
@_options("Where both have changed, take the database's; yours is kept as FILE.mine.")
def pull(folder: Path, force: bool, dry_run: bool) -> None:
    """Bring the documents in DIR to what the active mappings say.

    A document that you have changed stays. Where the mapping has changed in the database as well,
    or something else stands in its file's place, nothing is written and the command ends with 3.
    The file of a mapping that was taken out of use
    is deleted. What both said last is kept in DIR/.vaultbridge-mappings.json: put it under version
    control with the documents.
    """
    b = bridge()
    here = Folder(folder)
    with b.database.read() as conn:
        there = {row.name: row for row in mapping_versions.active(conn)}
        taken = [name for name in here.names | set(there) if _is_taken(here, name, there.get(name))]
        conflicts = [] if force else conflicts_of(conn, here, there, taken)
    stop_at(conflicts, f"vaultbridge mappings pull {folder} --force")
    for name in sorted(taken):
        said = "would be kept" if dry_run else "kept"
        click.echo(f"{here.file_of(name)}: {said} as {here.aside_of(name)}.")
        if not dry_run:
            here.set_aside(name)
    for name in sorted(here.names | set(there)):
        _pull(here, name, there.get(name), dry_run=dry_run)
    if not dry_run:
        here.save()


def _is_taken(here: Folder, name: str, row: sa.Row[Any] | None) -> bool:
    """Whether to bring a mapping's file up to date would write over what is not the database's."""
    change = here.standing(name, row.sha256 if row is not None else None)
    return change in (Standing.THERE, Standing.BOTH) and here.is_taken(name)


def _pull(here: Folder, name: str, row: sa.Row[Any] | None, *, dry_run: bool) -> None:
    change = here.standing(name, row.sha256 if row is not None else None)
    path = here.file_of(name)
    if change is Standing.HERE:
        what = "gone" if name not in here.documents else "changed" if name in here.base else "new"
        click.echo(f"{path}: {what} here; the database is as it was.")
        return
    if change is not Standing.SAME:
        what = "deleted: it is not in use any more" if row is None else f"version {row.version}"
        click.echo(f"{path}: {'would be ' if dry_run else ''}{what}.")
        if dry_run:
            return
        if row is not None:
            here.put(name, row.document)
        else:
            here.documents.pop(name, None)
            path.unlink(missing_ok=True)
    _agreed(here, name, row)


@click.command()
@FOLDER
@click.option("--reason", help="Why, for the history. Needed, but for --dry-run.")
@click.option("--remove", is_flag=True, help="Take mappings out of use whose files are gone.")
@EARLIER_OPTION
@_options("Where both have changed, make yours the active version; theirs is kept as a version.")
@AS_OPTION
def push(
    folder: Path,
    reason: str | None,
    remove: bool,
    earlier: str | None,
    force: bool,
    dry_run: bool,
    who: str | None,
) -> None:
    """Make the documents in DIR that have changed the active versions: all of them, or none.

    Every mistake in any of them is told, and the command ends with 1. Where a mapping has changed
    in the database since the last pull or push, it ends with 3. It ends with 0 if all is well,
    which --dry-run is for in checks.
    """
    b = bridge()
    by = Act(
        state=MappingState.PUBLISHED,
        who=person(who),
        reason=reason if dry_run else why(reason),
        what="pushed",
    )
    here = Folder(folder)
    known = known_here(b)
    paths = [*here.unnamed, *(one.path for one in here.documents.values())]
    read = dict(load_all_or_exit(paths, known))
    new: Sequence[str] = ()
    with b.database.write() as conn:
        # Looked at and changed in one: nobody else's version comes between.
        mapping_versions.alone(conn)
        there = {row.name: row for row in mapping_versions.active(conn)}
        conflicts = [] if force else conflicts_of(conn, here, there)
        if not conflicts:
            new = sorted(here.documents.keys() - mapping_versions.names_used(conn))
            now = b.database.now(conn)
            changed = _changed(conn, here, there, by, remove=remove, dry_run=dry_run, now=now)
            documents = [Document(mapping=read[one.path], text=one.text) for one in changed]
            for done in put(conn, documents, by, known=known, now=now):
                here.agree(done.name, done.version)
                tell(conn, done)
    stop_at(conflicts, f'vaultbridge mappings push {folder} --force --reason "…"')
    if not dry_run:
        here.save()
        look_back(b, new, earlier, who=by.who)


def _changed(
    conn: sa.Connection,
    here: Folder,
    there: Mapping[str, sa.Row[Any]],
    by: Act,
    *,
    remove: bool,
    dry_run: bool,
    now: datetime,
) -> Iterator[File]:
    """Documents that are to be active now; of the other mappings it is told what becomes."""
    for name in sorted(here.names):
        row, document = there.get(name), here.documents.get(name)
        change = here.standing(name, row.sha256 if row is not None else None)
        if change is Standing.THERE:
            click.echo(f"{here.file_of(name)}: the database's is newer; pull it.")
        elif change is Standing.SAME:
            _agreed(here, name, row)
        elif document is None:
            _gone(conn, here, name, by, remove=remove, dry_run=dry_run, now=now)
        elif dry_run:
            click.echo(f"{document.path}: would be active {_instead_of(row)}.")
        else:
            yield document


def _instead_of(row: sa.Row[Any] | None) -> str:
    if row is None:
        return "as a new mapping"
    rehearsed = ", which is being rehearsed" if row.state == MappingState.REHEARSAL else ""
    return f"instead of version {row.version}{rehearsed}"


def _agreed(here: Folder, name: str, row: sa.Row[Any] | None) -> None:
    if row is not None:
        here.agree(name, row.version)
    else:
        here.base.pop(name, None)


def _gone(
    conn: sa.Connection,
    here: Folder,
    name: str,
    by: Act,
    *,
    remove: bool,
    dry_run: bool,
    now: datetime,
) -> None:
    path = here.file_of(name)
    if not remove:
        click.echo(f"{path}: gone; {name} stays active. With --remove it is taken out of use.")
        return
    click.echo(f"{path}: gone; {name} {'would be' if dry_run else 'is'} taken out of use.")
    if not dry_run:
        withdraw(conn, name, who=by.who, reason=by.reason, now=now)
        tell_waiting(conn, name)
        here.base.pop(name, None)

"""``vaultbridge mappings add|draft|rehearse|publish|restore``: documents on their way into use."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import sqlalchemy as sa

from bridge.cli.documents import known_here, load_all_or_exit, read_or_tell
from bridge.cli.session import AS_OPTION, bridge, person
from bridge.pipeline import earlier as before
from bridge.pipeline.earlier import Wanted
from bridge.pipeline.publishing import (
    Act,
    Document,
    Put,
    changes,
    first_of_their_names,
    meant,
    put,
    restoring,
)
from bridge.store import holds
from bridge.store.states import MappingState
from bridge.wiring import Bridge
from mappings.document import Known
from runtime.counting import counted

REASON_OPTION = click.option("--reason", help="Why, for the history.")
NEEDED_REASON_OPTION = click.option("--reason", help="Why, for the history. Needed.")
_REASON_FOR_A_CHANGE = click.option(
    "--reason", help="Why, for the history. Needed, unless it is a mapping's first version."
)
VERSION = click.IntRange(min=1)
FILES = click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
LEAVE, TAKE_UP = "leave", "take-up"
EARLIER_OPTION = click.option(
    "--earlier",
    type=click.Choice([LEAVE, TAKE_UP]),
    help="Of a new mapping: what becomes of completions that came before and that it would want. "
    "Left alone, unless told.",
)
_VERSION_OPTION = click.option(
    "--version", "number", type=VERSION, help="Which version, if it is not the newest such."
)


@click.command()
@FILES
@EARLIER_OPTION
@_REASON_FOR_A_CHANGE
@AS_OPTION
def add(files: tuple[Path, ...], earlier: str | None, reason: str | None, who: str | None) -> None:
    """Store mapping documents as new versions and make them the active ones."""
    b = bridge()
    known = known_here(b)
    by = Act(state=MappingState.PUBLISHED, who=person(who), reason=reason)
    _put(b, _read(files, known), by, known=known, earlier=earlier)


@click.command()
@FILES
@REASON_OPTION
@AS_OPTION
def draft(files: tuple[Path, ...], reason: str | None, who: str | None) -> None:
    """Store mapping documents as drafts: kept, looked through for mistakes, and not in use."""
    b = bridge()
    known = known_here(b)
    by = Act(state=MappingState.DRAFT, who=person(who), reason=reason)
    _put(b, _read(files, known), by, known=known)


@click.command()
@click.argument("given", metavar="FILE|NAME")
@_VERSION_OPTION
@EARLIER_OPTION
@REASON_OPTION
@AS_OPTION
def rehearse(
    given: str, number: int | None, earlier: str | None, reason: str | None, who: str | None
) -> None:
    """Use a mapping as if in earnest, and send nothing: what it makes waits for your decision.

    A FILE, or the newest draft of a NAME. It takes the place of the version in use. Each
    completion that comes is made a certificate with its PDF, which waits: `vaultbridge holds`
    lists them; `vaultbridge release` issues, `vaultbridge discard` cancels all or some.
    """
    b = bridge()
    known = known_here(b)
    by = Act(state=MappingState.REHEARSAL, who=person(who), reason=reason)
    if Path(given).is_file():
        if number is not None:
            raise click.UsageError("--version is for a NAME, not for a FILE.")
        documents = _read((Path(given),), known)
    else:
        among = (MappingState.DRAFT, MappingState.REHEARSAL)
        documents = _stored(b, given, number, among, known)
    _put(b, documents, by, known=known, earlier=earlier)


@click.command()
@click.argument("name")
@_VERSION_OPTION
@EARLIER_OPTION
@_REASON_FOR_A_CHANGE
@AS_OPTION
def publish(
    name: str, number: int | None, earlier: str | None, reason: str | None, who: str | None
) -> None:
    """Make a version of a mapping the active one: the one being rehearsed, or the newest draft.

    What waits of its rehearsal goes on waiting for `vaultbridge release` or `discard`.
    """
    b = bridge()
    known = known_here(b)
    by = Act(state=MappingState.PUBLISHED, who=person(who), reason=reason)
    among = (MappingState.REHEARSAL, MappingState.DRAFT)
    _put(b, _stored(b, name, number, among, known), by, known=known, earlier=earlier)


@click.command()
@click.argument("name")
@click.argument("number", metavar="VERSION", type=VERSION)
@NEEDED_REASON_OPTION
@AS_OPTION
def restore(name: str, number: int, reason: str | None, who: str | None) -> None:
    """Make what an earlier VERSION says the active version again, under a new number.

    What was issued stays as it is.
    """
    b = bridge()
    known = known_here(b)
    by = restoring(number, who=person(who), reason=reason)
    _put(b, _stored(b, name, number, (), known), by, known=known)


def _read(files: Sequence[Path], known: Known) -> Sequence[Document]:
    """Documents from files; all their mistakes are told, and it exits if there are any."""
    return [
        Document(mapping=mapping, text=path.read_text(encoding="utf-8"))
        for path, mapping in load_all_or_exit(files, known)
    ]


def _stored(
    b: Bridge, name: str, number: int | None, among: Sequence[MappingState], known: Known
) -> Sequence[Document]:
    """The document of a version; an issuer that it names may be gone by now."""
    with b.database.read() as conn:
        text = meant(conn, name, number, *among)
    mapping = read_or_tell(text, name, known)
    if mapping is None:
        raise SystemExit(1)
    return [Document(mapping=mapping, text=text)]


def _put(
    b: Bridge,
    documents: Sequence[Document],
    by: Act,
    *,
    known: Known,
    earlier: str | None = None,
) -> None:
    new = [] if by.state is MappingState.DRAFT else first_of_their_names(b, documents)
    if by.state is MappingState.PUBLISHED and changes(b, documents):
        by = replace(by, reason=why(by.reason))
    with b.database.write() as conn:
        for done in put(conn, documents, by, known=known, now=b.database.now(conn)):
            tell(conn, done)
    look_back(b, [document.mapping.name for document in new], earlier, who=by.who)


def why(reason: str | None) -> str:
    """The reason that was given, or that is typed in now. Raises click.UsageError for none."""
    if reason and reason.strip():
        return reason
    if sys.stdin.isatty():
        return str(click.prompt("Why (for the history)"))
    raise click.UsageError('Say why: --reason "…".')


def look_back(b: Bridge, new: Sequence[str], earlier: str | None, *, who: str) -> None:
    """Say what came before new mappings that they want, and do nothing with it unless told."""
    if not new:
        return
    found = before.wanted(b, new)
    if found.ids:
        count = counted(len(found.ids), "completion")
        click.echo(f"{count} came before that no mapping wanted and this would.")
    tell_others(found)
    if not found.ids:
        return
    if earlier is None and sys.stdin.isatty():
        earlier = click.prompt(
            "Leave them alone, or take them up?",
            type=click.Choice([LEAVE, TAKE_UP]),
            default=LEAVE,
        )
    if earlier == TAKE_UP:
        click.echo(f"{before.take_up(b, found.ids, who=who):,} taken up.")
    else:
        command = f"vaultbridge mappings take-up {' '.join(new)}"
        click.echo(f"They are left alone; to have them mapped: `{command}`.")


def tell_others(found: Wanted) -> None:
    """Say which mappings want more of it, that is not taken up unless they are named as well."""
    for name, number in sorted(found.others.items()):
        click.echo(f"{number:,} more are left alone: {name} wants them, too.")


def tell(conn: sa.Connection, done: Put) -> None:
    """Say where a version is now, what it took the place of, and what waits of it."""
    said, already = _SAID[done.state]
    text = said if done.is_new else f"{already}; nothing changed"
    click.echo(f"{done.name}: version {done.version} {text}.")
    if done.instead_of is not None and done.state is MappingState.REHEARSAL:
        click.echo(f"Version {done.instead_of} is superseded: nothing is issued by it meanwhile.")
    elif done.ended_rehearsal:
        click.echo(f"The rehearsal of version {done.instead_of} has ended.")
    if done.state is MappingState.PUBLISHED:
        tell_waiting(conn, done.name)


_SAID = {
    MappingState.DRAFT: ("is kept as a draft", "is a draft already"),
    MappingState.REHEARSAL: (
        "is being rehearsed: what it makes waits, see `vaultbridge holds`",
        "is being rehearsed already",
    ),
    MappingState.PUBLISHED: ("is active now", "is active already"),
}


def tell_waiting(conn: sa.Connection, name: str) -> None:
    """Say what waits for a decision of what a mapping has made."""
    for hold_id, count in holds.waiting_of(conn, name):
        decides = f"`vaultbridge release {hold_id}` or `vaultbridge discard {hold_id}`"
        click.echo(f"Still waiting: {count:,}. {decides} decides.")

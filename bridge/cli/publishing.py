"""``vaultbridge mappings add|draft|rehearse|publish|restore``: documents on their way into use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import sqlalchemy as sa

from bridge.cli.documents import known_here, load_all_or_exit, read_or_tell
from bridge.cli.session import AS_OPTION, bridge, person
from bridge.pipeline.publishing import Put, meant, put
from bridge.store import holds, mapping_versions
from bridge.store.states import MappingState
from bridge.wiring import Bridge

REASON_OPTION = click.option("--reason", help="Why, for the history.")
VERSION = click.IntRange(min=1)
FILES = click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
_VERSION_OPTION = click.option(
    "--version", "number", type=VERSION, help="Which version, if it is not the newest such."
)


@click.command()
@FILES
@REASON_OPTION
@AS_OPTION
def add(files: tuple[Path, ...], reason: str | None, who: str | None) -> None:
    """Store mapping documents as new versions and make them the active ones."""
    _put_files(bridge(), files, MappingState.PUBLISHED, reason=reason, who=who)


@click.command()
@FILES
@REASON_OPTION
@AS_OPTION
def draft(files: tuple[Path, ...], reason: str | None, who: str | None) -> None:
    """Store mapping documents as drafts: kept, looked through for mistakes, and not in use."""
    _put_files(bridge(), files, MappingState.DRAFT, reason=reason, who=who)


@click.command()
@click.argument("given", metavar="FILE|NAME")
@_VERSION_OPTION
@REASON_OPTION
@AS_OPTION
def rehearse(given: str, number: int | None, reason: str | None, who: str | None) -> None:
    """Use a mapping as if in earnest, and send nothing: what it makes waits for your decision.

    A FILE, or the newest draft of a NAME. It takes the place of the version in use. Each
    completion that comes is made a certificate with its PDF, which waits: `vaultbridge holds`
    lists them; `vaultbridge release` issues, `vaultbridge discard` cancels all or some.
    """
    b = bridge()
    if Path(given).is_file():
        if number is not None:
            raise click.UsageError("--version is for a NAME, not for a FILE.")
        _put_files(b, (Path(given),), MappingState.REHEARSAL, reason=reason, who=who)
        return
    with b.database.read() as conn:
        document = meant(conn, given, number, MappingState.DRAFT, MappingState.REHEARSAL)
    _put(b, given, document, MappingState.REHEARSAL, reason=reason, who=who)


@click.command()
@click.argument("name")
@_VERSION_OPTION
@REASON_OPTION
@AS_OPTION
def publish(name: str, number: int | None, reason: str | None, who: str | None) -> None:
    """Make a version of a mapping the active one: the one being rehearsed, or the newest draft.

    What waits of its rehearsal goes on waiting for `vaultbridge release` or `discard`.
    """
    b = bridge()
    with b.database.read() as conn:
        document = meant(conn, name, number, MappingState.REHEARSAL, MappingState.DRAFT)
    _put(b, name, document, MappingState.PUBLISHED, reason=reason, who=who)


@click.command()
@click.argument("name")
@click.argument("number", metavar="VERSION", type=VERSION)
@REASON_OPTION
@AS_OPTION
def restore(name: str, number: int, reason: str | None, who: str | None) -> None:
    """Make what an earlier VERSION says the active version again, under a new number.

    What was issued stays as it is.
    """
    b = bridge()
    with b.database.read() as conn:
        document: str = mapping_versions.version(conn, name, number).document
    what = f"restored from version {number}"
    _put(b, name, document, MappingState.PUBLISHED, reason=reason, who=who, what=what)


def _put_files(
    b: Bridge, files: tuple[Path, ...], state: MappingState, *, reason: str | None, who: str | None
) -> None:
    documents = load_all_or_exit(files, known_here(b))
    with b.database.write() as conn:
        now = b.database.now(conn)
        for path, document in documents:
            text = path.read_text(encoding="utf-8")
            done = put(conn, document.name, text, state, now=now, who=person(who), reason=reason)
            _tell(conn, done)


def _put(
    b: Bridge,
    name: str,
    document: str,
    state: MappingState,
    *,
    reason: str | None,
    who: str | None,
    what: str | None = None,
) -> None:
    # An issuer that it names may be gone by now.
    if read_or_tell(document, name, known_here(b)) is None:
        raise SystemExit(1)
    with b.database.write() as conn:
        now = b.database.now(conn)
        done = put(conn, name, document, state, now=now, who=person(who), reason=reason, what=what)
        _tell(conn, done)


def _tell(conn: sa.Connection, done: Put) -> None:
    """Say where a version is now, what it took the place of, and what waits of it."""
    said, already = _SAID[done.state]
    text = said if done.is_new else f"{already}; nothing changed"
    click.echo(f"{done.name}: version {done.version} {text}.")
    if done.instead_of is not None and done.state is MappingState.REHEARSAL:
        click.echo(f"Version {done.instead_of} is superseded: nothing is issued by it meanwhile.")
    for line in _waiting(conn, done):
        click.echo(line)


_SAID = {
    MappingState.DRAFT: ("is kept as a draft", "is a draft already"),
    MappingState.REHEARSAL: (
        "is being rehearsed: what it makes waits, see `vaultbridge holds`",
        "is being rehearsed already",
    ),
    MappingState.PUBLISHED: ("is active now", "is active already"),
}


def _waiting(conn: sa.Connection, done: Put) -> Iterator[str]:
    if done.state is MappingState.PUBLISHED:
        for hold_id, count in holds.waiting_of(conn, done.name):
            decides = f"`vaultbridge release {hold_id}` or `vaultbridge discard {hold_id}`"
            yield f"Still waiting: {count:,}. {decides} decides."

"""`certvault export`: everything that an institution owns, in a folder that needs no vault."""

from __future__ import annotations

import errno
import shlex
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from itertools import islice
from pathlib import Path

import click

from vault.addresses import Addresses
from vault.certificate import Status
from vault.cli import printing, session
from vault.export.asked import Asked
from vault.export.closing import MISSING, SUMS, Counts, missing
from vault.export.exporter import Exporter
from vault.export.folder import Folder, taken
from vault.files import Files
from vault.settings import Settings

#: How often it is said how far it has come, in seconds.
EVERY_S = 2.0
#: The status of whoever is stopped by Ctrl-C, as shells have it.
INTERRUPTED = 130
#: How many missing files are named at the terminal; missing.csv names all.
SHOWN = 20
AGAIN = "Run the same command again, and it goes on."
DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument("target", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False))
@click.option("--institution", help="Its certificates alone. Default: all institutions'.")
@click.option(
    "--status", type=click.Choice([s.value for s in Status]), help="Only what has this status."
)
@click.option(
    "--since",
    type=DAY,
    metavar="YYYY-MM-DD",
    help="Only what was added or changed on this day (UTC) or later.",
)
@click.option(
    "--issue-date-from",
    type=DAY,
    metavar="YYYY-MM-DD",
    help="Only what was issued on this day or later.",
)
@click.option(
    "--issue-date-to",
    type=DAY,
    metavar="YYYY-MM-DD",
    help="Only what was issued on this day or earlier.",
)
@click.option("--uploaded", is_flag=True, help="Also the files as they were handed in.")
def export(
    target: Path,
    institution: str | None,
    status: str | None,
    since: datetime | None,
    issue_date_from: datetime | None,
    issue_date_to: datetime | None,
    uploaded: bool,
) -> None:
    """Export certificates with their records and verified PDFs into a new FOLDER.

    The vault may serve meanwhile. An export that was interrupted goes on when the same is asked
    for again. Ends with status 1 if stored files are missing or damaged, and names them.
    """
    asked = Asked(
        institution=institution,
        status=Status(status) if status else None,
        since=_day(since),
        issue_date_from=_day(issue_date_from),
        issue_date_to=_day(issue_date_to),
        uploaded=uploaded,
    )
    found = session.found_settings()
    _require_files(found)
    with closing(session.database(found)) as database, _able_to_go_on(target):
        exporter = Exporter(
            database=database,
            files=Files(found.files),
            addresses=Addresses(found.public_url),
            asked=asked,
        )
        _run(exporter, target)


def _run(exporter: Exporter, target: Path) -> None:
    with taken(target) as folder:
        counts = _export(exporter, folder)
        _tell(folder.path, counts)
        if counts.missing:
            _tell_missing(folder, counts.missing)
            raise SystemExit(1)


def _day(given: datetime | None) -> date | None:
    return given and given.date()


def _require_files(found: Settings) -> None:
    if not found.files.is_dir():  # `Files` would make it, where it is only not mounted
        raise click.ClickException(
            f"There is no folder {found.files}, where the vault's files lie. Mount it, or correct "
            "VAULT_FILES."
        )


@contextmanager
def _able_to_go_on(target: Path) -> Iterator[None]:
    """Say of what stops an export on its way that it is not lost."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"Interrupted. {AGAIN}", err=True)
        raise SystemExit(INTERRUPTED) from None
    except OSError as exc:
        if exc.errno == errno.EPIPE:
            raise
        raise click.ClickException(
            f"{exc.filename or target}: {exc.strerror}. Mend that. {AGAIN}"
        ) from exc


def _export(exporter: Exporter, folder: Folder) -> Counts:
    begun = exporter.begin(folder)
    spoke = time.monotonic()
    for last_id, count in exporter.run(folder, begun):
        if time.monotonic() - spoke >= EVERY_S:
            spoke = time.monotonic()
            click.echo(f"{count:,} certificates, {last_id * 100 // begun.up_to_id} % …", err=True)
    return exporter.close(folder, begun)


def _tell(path: Path, counts: Counts) -> None:
    statuses = ", ".join(f"{n:,} {status}" for status, n in sorted(counts.certificates.items()))
    files = ", ".join(f"{n:,} {place}" for place, n in sorted(counts.files.items()) if n)
    for what, number, parts in (
        ("certificates", counts.certificates.total(), statuses),
        ("files", counts.files.total(), files),
        ("institutions", counts.institutions, ""),
    ):
        click.echo(f"{what:<14}{number:,}{f': {parts}' if parts else ''}")
    click.echo(f"Exported to {path}")
    click.echo(f"To check it: cd {shlex.quote(str(path))} && sha256sum -c --quiet {SUMS}")


def _tell_missing(folder: Folder, count: int) -> None:
    click.echo(f"Files that are missing or damaged in the vault: {count:,}", err=True)
    for one in islice(missing(folder), SHOWN):
        told = (one.reference_id, one.file, one.sha256, one.problem)
        click.echo(f"  {printing.cell(' '.join(told))}", err=True)
    if count > SHOWN:
        click.echo(f"  and {count - SHOWN:,} more", err=True)
    click.echo(
        f"{MISSING} in the folder names all. Restore them from a backup, then export into a new "
        "folder.",
        err=True,
    )

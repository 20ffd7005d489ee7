"""``vaultbridge dossier``: everything about one certificate, for a file or an auditor."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
import sqlalchemy as sa

from bridge.certificates.page import RenderError
from bridge.cli.printing import print_json
from bridge.cli.session import JSON_OPTION, bridge
from bridge.pipeline import dossier as data
from bridge.pipeline.dossier_paper import pdf
from bridge.pipeline.dossier_text import Section, sections, title


@click.command()
@click.argument("issuance_id", metavar="ID")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Write a PDF there instead of printing it.",
)
@JSON_OPTION
def dossier(issuance_id: str, out: Path | None, as_json: bool) -> None:
    """Tell all of one certificate: the proof of completion, mapping, approvals, calls, file."""
    b = bridge()
    with b.database.read() as conn:
        told = data.gather(b, conn, issuance_id, within=sa.true())
    if out is not None:
        try:
            with b.renderer:
                out.write_bytes(pdf(b, told))
        except RenderError as exc:
            raise click.ClickException(str(exc)) from exc
        click.echo(f"Written to {out}.")
    elif as_json:
        print_json(data.plain(told))
    else:
        click.echo(title(told))
        for section in sections(told):
            _print(section)


def _print(section: Section) -> None:
    click.echo(f"\n{click.style(section.title, bold=True)}")
    for name, value in section.facts:
        click.echo(f"  {name:28} {_text(value)}")
    for row in section.rows:
        click.echo("  " + "  ".join(_text(cell) for cell in row))
    if not section.rows and section.empty:
        click.echo(f"  {section.empty}")


def _text(value: str | datetime) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return value

"""``vaultbridge templates …``: list, begin, check and look at certificate templates."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click

import bridge.certificates.templates as gallery
from bridge.certificates import sample
from bridge.certificates.page import RenderError
from bridge.certificates.render import Renderer
from bridge.certificates.templates import Template
from bridge.cli.pairs import pair
from bridge.cli.printing import print_json, print_table
from bridge.cli.session import JSON_OPTION
from bridge.settings import PREFIX

FOLDER_OPTION = click.option(
    "--folder",
    envvar=f"{PREFIX}TEMPLATES_DIR",
    show_envvar=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of your own templates.",
)


@click.group()
def templates() -> None:
    """Templates: how a certificate's page looks."""


@templates.command(name="list")
@FOLDER_OPTION
@JSON_OPTION
def list_(folder: Path | None, as_json: bool) -> None:
    """List the templates there are, yours first where two have one name."""
    folders = gallery.folders(folder)
    with _refusing():
        found = [gallery.load(name, folders) for name in gallery.names(folders)]
    rows = [
        {
            "name": each.name,
            "papers": ", ".join(each.papers),
            "description": each.description,
            "sha256": each.digest[:12],
        }
        for each in found
    ]
    if as_json:
        print_json(
            [row | {"parameters": _parameters(each)} for row, each in zip(rows, found, strict=True)]
        )
    else:
        print_table(("name", "papers", "description", "sha256"), rows, empty="")


@templates.command()
@click.argument("name")
@click.option("--from", "base", default="classic", show_default=True, help="Which to begin with.")
@FOLDER_OPTION
def new(name: str, base: str, folder: Path | None) -> None:
    """Begin a template of your own: a copy of one, to change.

    Set the defaults in its template.yaml, and put logo, seal and signatures beside it.
    """
    if folder is None:
        raise click.UsageError(f"Say where: --folder DIR, or set {PREFIX}TEMPLATES_DIR.")
    with _refusing():
        home = gallery.begin(name, base, folder)
    click.echo(f"{home}: begun from {base}. Then: vaultbridge templates check {name}")


@templates.command()
@click.argument("names", nargs=-1)
@FOLDER_OPTION
def check(names: tuple[str, ...], folder: Path | None) -> None:
    """Print sample pages with templates, by default with all; tell what fails and exit 1.

    Each is printed on each of its papers, in English and Arabic, with usual names and with the
    longest.
    """
    wanted = names or gallery.names(gallery.folders(folder))
    with _renderer(folder) as renderer:
        bad = [name for name in wanted if not _good(renderer, name)]
    if bad:
        raise SystemExit(1)
    click.echo(f"{len(wanted)} good.")


@templates.command()
@click.argument("name")
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--language", default="en", show_default=True, help="Of the page, e.g. ar.")
@click.option("--paper", default="a4", show_default=True, help="a4 or us-letter.")
@click.option("--full-name", help="The learner's name, in place of the sample's.")
@click.option("--title", help="The certificate's title, in place of the sample's.")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="The issue date.")
@click.option("--awkward", is_flag=True, help="With the longest name and title.")
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="A parameter.")
@FOLDER_OPTION
def preview(
    name: str,
    out: Path,
    language: str,
    paper: str,
    full_name: str | None,
    title: str | None,
    day: datetime | None,
    awkward: bool,
    given: tuple[str, ...],
    folder: Path | None,
) -> None:
    """Print a sample page into OUT, a file that ends in .pdf or .png."""
    form = out.suffix.lower().removeprefix(".")
    if form not in ("pdf", "png"):
        raise click.UsageError("OUT must end in .pdf or .png.")
    with _refusing(), _renderer(folder) as renderer:
        page = sample.page(
            renderer.template(name),
            language=language,
            paper=paper,
            awkward=awkward,
            full_name=full_name,
            title=title,
            day=None if day is None else day.date(),
            given=dict(map(pair, given)),
        )
        out.write_bytes(renderer.render(page, form=form))
    click.echo(f"{out}: {name}, as {page.full_name} on {page.issue_date}.")


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except RenderError as error:
        click.echo(f"vaultbridge: {error}", err=True)
        raise SystemExit(1) from error


@contextmanager
def _renderer(folder: Path | None) -> Iterator[Renderer]:
    with (
        tempfile.TemporaryDirectory() as cache,
        Renderer(font_cache=Path(cache), folders=gallery.folders(folder)) as renderer,
    ):
        yield renderer


def _good(renderer: Renderer, name: str) -> bool:
    """Whether all samples print; the first that does not is told."""
    try:
        sample.print_all(renderer, name)
    except RenderError as error:
        click.echo(f"{name}: {error}", err=True)
        return False
    return True


def _parameters(template: Template) -> list[dict[str, object]]:
    return [
        {
            "name": each.name,
            "type": each.kind,
            "default": each.default,
            "choices": list(each.choices),
            "help": each.help,
        }
        for each in template.parameters.values()
    ]

"""A site's settings and secrets on the command line, and what is said of mistakes in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import click

from bridge.connections import site_settings
from bridge.connections.given import Unfit
from connectors import registry
from mappings.locales import zone_problem

SET_OPTION = click.option(
    "--set", "plain", multiple=True, metavar="KEY=VALUE", help="A setting of the connector."
)
SECRET_OPTION = click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="KEY=@FILE",
    help="A secret of the connector, read from a file (a list: one a line), or KEY=-.",
)


def _zone(_context: click.Context, _parameter: click.Parameter, name: str | None) -> str | None:
    if name and (problem := zone_problem(name)):
        raise click.BadParameter(problem)
    return name


TIMEZONE_OPTION = click.option(
    "--timezone",
    metavar="ZONE",
    callback=_zone,
    help="Where the days of its completions are counted, e.g. Asia/Dubai, unless the LMS says it "
    "of the course. Default, and if empty: as BRIDGE_TIMEZONE says.",
)


def refuse_secrets(connector: str, plain: Mapping[str, str], *, instead: str) -> None:
    """A secret is never an argument itself: say how it is given ``instead``."""
    for name in sorted(site_settings.secret_names(connector) & plain.keys()):
        raise click.BadParameter(f"{name} is a secret: {instead} --secret {name}=@FILE".strip())


@contextmanager
def mistakes_told(connector: str) -> Iterator[None]:
    """Say what is wrong with what was given, each with what it is for and an example."""
    try:
        yield
    except Unfit as exc:
        raise click.ClickException("\n".join(_lines(connector, exc.mistakes))) from exc


def _lines(connector: str, mistakes: Mapping[str, str]) -> Iterable[str]:
    fields = registry.load(connector).settings_schema().fields
    for part, said in mistakes.items():
        name = part.removeprefix("settings.")
        field = fields.get(name)
        if field is None:
            yield f"{name}: {said}"
        else:
            yield f"{name}: {said} It is {field.metadata['help']} For example: " + str(
                field.metadata["example"]
            )

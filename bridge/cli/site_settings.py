"""A site's settings and secrets as they are typed: validated by its connector's schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click
import marshmallow as ma
import sqlalchemy as sa

from connectors import registry
from mappings.locales import zone_problem
from runtime.settings import is_secret

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


def validated(
    connector: str, plain: Mapping[str, str], secrets: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Validate all together; return (settings, secrets) as they are stored."""
    schema = registry.load(connector).settings_schema()
    given: dict[str, Any] = {**plain, **secrets}
    for name, field in schema.fields.items():
        if name in plain and is_secret(field):
            raise click.BadParameter(f"{name} is a secret: --secret {name}=@FILE")
        if name in given and isinstance(field, ma.fields.List):
            given[name] = given[name].splitlines() if name in secrets else given[name].split(",")
    mistakes = schema.validate(given)
    if mistakes:
        raise click.ClickException("\n".join(mistakes_in(schema, mistakes)))
    hidden = {name for name, field in schema.fields.items() if is_secret(field)}
    return (
        {name: value for name, value in given.items() if name not in hidden},
        {name: value for name, value in given.items() if name in hidden},
    )


def mistakes_in(schema: ma.Schema, mistakes: Mapping[Any, Any]) -> Iterable[str]:
    for name, said in mistakes.items():
        field = schema.fields.get(name)
        text = " ".join(map(str, said)) if isinstance(said, list) else str(said)
        if field is None:
            yield f"{name}: {text} Known are: {', '.join(schema.fields)}."
        else:
            yield f"{name}: {text} It is {field.metadata['help']} For example: " + str(
                field.metadata["example"]
            )


def changed(
    row: sa.Row[Any], plain: Mapping[str, str], secrets: Mapping[str, Any]
) -> dict[str, Any]:
    """A site's settings with some of them changed; an empty value takes one away."""
    schema = registry.load(row.connector).settings_schema()
    fresh: dict[str, Any] = dict(row.settings)
    for name, value in plain.items():
        field = schema.fields.get(name)
        if field is not None and is_secret(field):
            raise click.BadParameter(
                f"{name} is a secret: vaultbridge site rotate {row.name} --secret {name}=@FILE"
            )
        fresh[name] = value.split(",") if isinstance(field, ma.fields.List) else value
    fresh = {name: value for name, value in fresh.items() if value not in ("", [""])}
    mistakes = schema.validate({**fresh, **secrets})
    if mistakes:
        raise click.ClickException("\n".join(mistakes_in(schema, mistakes)))
    return fresh


def rotated(
    row: sa.Row[Any], old: Mapping[str, Any], given: Mapping[str, str], *, drop_old: bool
) -> dict[str, Any]:
    """A site's secrets with the given ones in place of the old, or of a list beside them."""
    schema = registry.load(row.connector).settings_schema()
    fresh: dict[str, Any] = dict(old)
    for key, field in schema.fields.items():
        if not (is_secret(field) and isinstance(field, ma.fields.List)):
            continue
        new = given[key].splitlines() if key in given else []
        kept = [] if drop_old and new else list(old.get(key, []))
        fresh[key] = [*new, *(s for s in kept if s not in new)]
        if drop_old and not new:
            fresh[key] = fresh[key][:1]
    fresh |= {
        k: v for k, v in given.items() if not isinstance(schema.fields.get(k), ma.fields.List)
    }
    mistakes = schema.validate({**row.settings, **fresh})
    if mistakes:
        raise click.ClickException("\n".join(mistakes_in(schema, mistakes)))
    return fresh

"""A site's settings and secrets as people give them: validated by its connector's schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow.exceptions import SCHEMA

from bridge.connections.given import Unfit, setting
from connectors import registry
from runtime.settings import is_secret

#: What takes a setting away.
_NOTHING: tuple[object, ...] = ("", None, [], [""])


def validated(
    connector: str, plain: Mapping[str, Any], secrets: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """All of a new site's, validated together: (settings, secrets) as they are stored.

    Of a list, a text holds its parts between commas, or a secret a line. Raises Unfit, and
    connectors.registry.UnknownConnector.
    """
    schema = _schema(connector)
    _refuse_misplaced(schema, plain, secrets)
    given = {name: _parts(schema, name, value) for name, value in {**plain, **secrets}.items()}
    given = {name: value for name, value in given.items() if value not in _NOTHING}
    _validate(schema, given)
    hidden = secret_names(connector)
    return (
        {name: value for name, value in given.items() if name not in hidden},
        {name: value for name, value in given.items() if name in hidden},
    )


def changed(
    connector: str, old: Mapping[str, Any], plain: Mapping[str, Any], secrets: Mapping[str, Any]
) -> dict[str, Any]:
    """A site's settings with some of them changed; an empty one is taken away. Raises Unfit."""
    schema = _schema(connector)
    _refuse_misplaced(schema, plain, {})
    fresh = dict(old) | {name: _parts(schema, name, value) for name, value in plain.items()}
    fresh = {name: value for name, value in fresh.items() if value not in _NOTHING}
    _validate(schema, {**fresh, **secrets})
    return fresh


def rotated(
    connector: str,
    settings: Mapping[str, Any],
    old: Mapping[str, Any],
    given: Mapping[str, Any],
    *,
    drop_old: bool,
) -> dict[str, Any]:
    """A site's secrets with the given ones in place of the old, or of a list before them.

    ``drop_old``: of a list, only what is given stays; of one that is not given, its first.
    """
    schema = _schema(connector)
    _refuse_misplaced(schema, {}, given)
    # With what the schema does not know: validation names it.
    fresh: dict[str, Any] = {**old, **given}
    for name in secret_names(connector):
        new = _parts(schema, name, given.get(name))
        if not _is_list(schema, name):
            fresh[name] = old.get(name) if new in _NOTHING else new
            continue
        new = list(new or ())
        kept = [] if drop_old and new else list(old.get(name, ()))
        fresh[name] = [*new, *(secret for secret in kept if secret not in new)]
        if drop_old and not new:
            fresh[name] = fresh[name][:1]
    fresh = {name: value for name, value in fresh.items() if value not in _NOTHING}
    _validate(schema, {**settings, **fresh})
    return fresh


def secret_names(connector: str) -> frozenset[str]:
    """The settings of a connector that are secrets. Raises UnknownConnector."""
    fields = _schema(connector).fields
    return frozenset(name for name, field in fields.items() if is_secret(field))


def _schema(connector: str) -> ma.Schema:
    return registry.load(connector).settings_schema()


def _is_list(schema: ma.Schema, name: str) -> bool:
    return isinstance(schema.fields.get(name), ma.fields.List)


def _parts(schema: ma.Schema, name: str, value: Any) -> Any:
    if not (isinstance(value, str) and _is_list(schema, name)):
        return value
    between = value.splitlines() if is_secret(schema.fields[name]) else value.split(",")
    return [part.strip() for part in between if part.strip()]


def _refuse_misplaced(
    schema: ma.Schema, plain: Mapping[str, Any], secrets: Mapping[str, Any]
) -> None:
    """A secret among what is shown would be kept in the open."""
    mistakes = {}
    for name, field in schema.fields.items():
        if name in plain and is_secret(field):
            mistakes[setting(name)] = "It is a secret: give it as one."
        if name in secrets and not is_secret(field):
            mistakes[setting(name)] = "It is no secret: give it as a setting."
    if mistakes:
        raise Unfit(mistakes)


def _validate(schema: ma.Schema, given: Mapping[str, Any]) -> None:
    found = schema.validate(given)
    if not found:
        return
    known = f" Known are: {', '.join(schema.fields)}."
    raise Unfit(
        {
            setting(str(name)): _text(said) + ("" if name in (*schema.fields, SCHEMA) else known)
            for name, said in found.items()
        }
    )


def _text(said: Any) -> str:
    """marshmallow's messages for one setting, also where it has parts, as one text."""
    if isinstance(said, Mapping):
        return " ".join(dict.fromkeys(map(_text, said.values())))
    return " ".join(map(str, said)) if isinstance(said, list) else str(said)

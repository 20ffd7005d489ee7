"""A connector's settings as the fields of a form: made from its schema, and read back from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import marshmallow as ma
from marshmallow import validate

from bridge.connections.given import setting
from runtime.settings import is_secret

#: As they are written in a label made of a setting's name.
_WORDS = {"url": "URL", "id": "ID", "lms": "LMS", "api": "API", "idnumber": "ID number"}
YES = "yes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of the form."""

    name: str  #: in the form
    kind: str  #: text, number, choice, tick, lines; secret, secrets
    label: str
    help: str | None
    example: str | None
    required: bool
    made: bool  #: a new secret is made where none is typed
    value: str  #: what stands in it; never a secret
    choices: Sequence[tuple[str, str]]
    wrong: str | None


def fields(
    schema: ma.Schema,
    *,
    secret: bool | None = None,
    values: Mapping[str, str],
    mistakes: Mapping[str, str],
) -> list[Field]:
    """The fields of a schema: the secrets alone, all but them, or (None) all.

    ``values`` and ``mistakes`` go by the fields' names in the form.
    """
    return [
        _field(name, field, values, mistakes)
        for name, field in schema.fields.items()
        if secret is None or is_secret(field) is secret
    ]


def stored(schema: ma.Schema, settings: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the form for settings as a site has them, or for none: the defaults."""
    return {
        setting(name): _text(field, settings.get(name, _default(field)))
        for name, field in schema.fields.items()
        if not is_secret(field)
    }


def plain(schema: ma.Schema, form: Mapping[str, str]) -> dict[str, Any]:
    """The settings that were typed, without secrets."""
    return {
        name: _read(field, form.get(setting(name), ""))
        for name, field in schema.fields.items()
        if not is_secret(field)
    }


def secrets(schema: ma.Schema, form: Mapping[str, str]) -> dict[str, Any]:
    """The secrets that were typed."""
    typed = {
        name: _read(field, form.get(setting(name), ""))
        for name, field in schema.fields.items()
        if is_secret(field)
    }
    return {name: value for name, value in typed.items() if value}


def made(schema: ma.Schema, given: Mapping[str, Any], *, only: str | None = None) -> dict[str, str]:
    """A new secret for each that is the admin's own to choose and was not given."""
    return {
        name: field.metadata["make"]()
        for name, field in schema.fields.items()
        if "make" in field.metadata and name not in given and only in (None, name)
    }


def _field(
    name: str, field: ma.fields.Field[Any], values: Mapping[str, str], mistakes: Mapping[str, str]
) -> Field:
    called = setting(name)
    hidden = is_secret(field)
    example = None if hidden else _text(field, field.metadata.get("example"))
    return Field(
        name=called,
        kind=_kind(field),
        label=label(name, field),
        help=field.metadata.get("help"),
        example=example or None,
        required=field.required,
        made="make" in field.metadata,
        value="" if hidden else values.get(called, ""),
        choices=list(_choices(field)),
        wrong=mistakes.get(called),
    )


def label(name: str, field: ma.fields.Field[Any]) -> str:
    """What a setting is called on a page."""
    if given := field.metadata.get("label"):
        return str(given)
    words = " ".join(_WORDS.get(word, word) for word in name.split("_"))
    return words[:1].upper() + words[1:]


def _kind(field: ma.fields.Field[Any]) -> str:
    is_list = isinstance(field, ma.fields.List)
    if is_secret(field):
        return "secrets" if is_list else "secret"
    if is_list:
        return "lines"
    if isinstance(field, ma.fields.Boolean):
        return "tick"
    if any(True for _ in _choices(field)):
        return "choice"
    return "number" if isinstance(field, ma.fields.Number) else "text"


def _choices(field: ma.fields.Field[Any]) -> Iterator[tuple[str, str]]:
    for rule in field.validators:
        if isinstance(rule, validate.OneOf):
            labels = list(rule.labels) or list(rule.choices)
            yield from ((str(c), str(told)) for c, told in zip(rule.choices, labels, strict=False))


def _default(field: ma.fields.Field[Any]) -> Any:
    default = field.load_default
    return None if default is ma.missing or callable(default) else default


def _text(field: ma.fields.Field[Any], value: Any) -> str:
    if isinstance(field, ma.fields.Boolean):
        return YES if value is not None and value in field.truthy else ""
    if isinstance(value, list | tuple):
        return "\n".join(map(str, value))
    return "" if value is None else str(value)


def _read(field: ma.fields.Field[Any], typed: str) -> Any:
    if isinstance(field, ma.fields.Boolean):
        return typed == YES
    if isinstance(field, ma.fields.List):
        return [line.strip() for line in typed.splitlines() if line.strip()]
    return typed.strip()

"""Settings: read once, strictly, from the environment.

A service describes its settings in one marshmallow schema; every field carries
``metadata={"help": …, "example": …}``, a secret one also ``"secret": True``. Under the prefix
``BRIDGE_`` the variable of field ``public_url`` is ``BRIDGE_PUBLIC_URL``; a secret may instead
stand in a file named by ``BRIDGE_…_FILE``.
"""

from __future__ import annotations

import difflib
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any

import marshmallow as ma

MASK = "••••••"


class SettingsError(Exception):
    """The environment is not usable; ``problems`` holds one sentence for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read(schema: ma.Schema, *, prefix: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the validated settings by field name.

    Raises SettingsError naming every unknown, missing or nonsensical variable at once.
    """
    problems: list[str] = []
    given: dict[str, str] = {}
    known = {prefix + name.upper(): name for name in schema.fields}
    for variable, value in environ.items():
        if not variable.startswith(prefix):
            continue
        if variable in known:
            given[known[variable]] = value
        elif _file_of(variable, known, schema):
            _read_file(variable, value, known, given, environ, problems)
        else:
            problems.append(_unknown(variable, list(known)))
    try:
        loaded: dict[str, Any] = schema.load(given, unknown=ma.RAISE)
    except ma.ValidationError as exc:
        told = {name for variable, name in known.items() if f"{variable}_FILE" in environ}
        problems += _mistakes(exc, schema, prefix, given, told=told - given.keys())
        raise SettingsError(problems) from exc
    if problems:
        raise SettingsError(problems)
    return loaded


def _file_of(variable: str, known: Mapping[str, str], schema: ma.Schema) -> bool:
    field = schema.fields.get(known.get(variable.removesuffix("_FILE"), ""))
    return variable.endswith("_FILE") and field is not None and is_secret(field)


def _read_file(
    variable: str,
    path: str,
    known: Mapping[str, str],
    given: dict[str, str],
    environ: Mapping[str, str],
    problems: list[str],
) -> None:
    plain = variable.removesuffix("_FILE")
    if plain in environ:
        problems.append(f"{variable}: {plain} is set too. Set only one of them.")
        return
    try:
        content = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        problems.append(f"{variable}: cannot read {path} ({exc}). Name a readable text file.")
        return
    if content:
        given[known[plain]] = content
    else:
        problems.append(f"{variable}: {path} is empty. Put the value into it.")


def _unknown(variable: str, known: list[str]) -> str:
    near = difflib.get_close_matches(variable, known, n=1)
    hint = f" Did you mean {near[0]}?" if near else f" Known are: {', '.join(sorted(known))}."
    return f"{variable}: no such setting.{hint}"


def _mistakes(
    exc: ma.ValidationError,
    schema: ma.Schema,
    prefix: str,
    given: Mapping[str, str],
    *,
    told: Container[str],
) -> Iterator[str]:
    for name, messages in exc.normalized_messages().items():  # type: ignore[no-untyped-call]
        if name in told:
            continue
        if name == ma.exceptions.SCHEMA:
            yield " ".join(map(str, messages))
            continue
        field = schema.fields[name]
        what = "is missing" if name not in given else " ".join(map(str, messages)).rstrip(".")
        example = field.metadata["example"]
        help_text = field.metadata["help"]
        yield f"{prefix}{name.upper()}: {what}. It is {help_text} Example: {example}"


def is_secret(field: ma.fields.Field[Any]) -> bool:
    """Whether a schema's field holds what must not be shown."""
    return bool(field.metadata.get("secret"))


def table(schema: ma.Schema, values: Mapping[str, Any], *, prefix: str) -> list[tuple[str, str]]:
    """Return (variable, value as shown) for every setting, secrets masked."""
    rows = []
    for name, field in schema.fields.items():
        value = values.get(name)
        shown = MASK if is_secret(field) and value else _shown(value)
        rows.append((prefix + name.upper(), shown))
    return rows


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple | frozenset):
        return ",".join(map(str, value))
    return str(value)


class CommaList(ma.fields.Field[tuple[str, ...]]):
    """A list written as ``a,b,c``; empty parts are dropped."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **_: Any) -> tuple[str, ...]:
        return tuple(part for part in (p.strip() for p in str(value).split(",")) if part)

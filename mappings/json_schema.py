"""The schema of a mapping document as JSON Schema, by which an editor helps while one writes.

Made of the schema that the check uses. It refuses nothing that the check takes; what stands inside
an expression only the check can judge.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any, TypeAlias

import marshmallow as ma
import yaml

from mappings import fields
from mappings.blocks import Block
from mappings.doubts import NONE
from mappings.model import AgainKind
from mappings.periods import PERIOD
from mappings.schema import MappingBlock

Shape: TypeAlias = "dict[str, Any]"

#: How an editor may read a single value that stands without quotes.
_SINGLE = ["string", "number", "boolean"]


def json_schema() -> Shape:
    """The whole schema, JSON Schema 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A mapping document of Vaultbridge, format 1",
        **_group(MappingBlock()),
    }


def _group(block: Block) -> Shape:
    known = {field.data_key or name: field for name, field in block.fields.items()}
    return {
        "type": "object",
        "properties": {key: _described(field) for key, field in known.items()},
        "required": [key for key, field in known.items() if field.required],
        "additionalProperties": False,
    }


def _described(field: ma.fields.Field[Any]) -> Shape:
    example = yaml.safe_load(field.metadata["example"])
    return {"description": field.metadata["help"], "examples": [example], **_taken(field)}


def _taken(field: ma.fields.Field[Any]) -> Shape:
    return {"anyOf": [{"type": "null"}, _shape(field)]} if field.allow_none else _shape(field)


@singledispatch
def _shape(field: ma.fields.Field[Any]) -> Shape:
    """What one kind of value takes."""
    raise TypeError(f"{type(field).__name__} has no JSON Schema")


@_shape.register
def _(field: fields.Text) -> Shape:
    return {"type": _SINGLE, "pattern": f"^(?:{field.pattern})$" if field.pattern else r"\S"}


@_shape.register
def _(field: fields.Choice) -> Shape:
    return {"enum": list(field.choices)}


@_shape.register
def _(field: fields.Whole) -> Shape:
    number = {"type": "integer", "minimum": field.least, "maximum": field.most}
    return {"anyOf": [number, {"type": "string", "pattern": "^-?[0-9]{1,6}$"}]}


@_shape.register
def _(field: fields.OneOrMore) -> Shape:
    one = _shape(field.inner)
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


@_shape.register(fields.ExpressionText)
@_shape.register(fields.ConditionText)
def _(field: ma.fields.Field[Any]) -> Shape:
    return {"type": _SINGLE, "pattern": r"\S"} if field.required else {"type": _SINGLE}


@_shape.register
def _(field: fields.Days) -> Shape:
    return {"type": "string", "pattern": f"^(?:{fields.DAYS.pattern}|{NONE})$"}


@_shape.register
def _(field: fields.AgainRule) -> Shape:
    after = {"type": "string", "pattern": f"^(?:{fields.DAYS.pattern})$"}
    return {
        "anyOf": [
            {"enum": [kind.value for kind in AgainKind if kind is not AgainKind.AFTER]},
            {
                "type": "object",
                "properties": {"after": after},
                "required": ["after"],
                "additionalProperties": False,
            },
        ]
    }


@_shape.register
def _(field: fields.PeriodText) -> Shape:
    return {"type": "string", "pattern": f"^(?:{PERIOD.pattern})$"}


@_shape.register
def _(field: fields.Parameters) -> Shape:
    return {"type": "object", "additionalProperties": {"type": _SINGLE}}


@_shape.register
def _(field: ma.fields.Nested) -> Shape:
    block = field.schema
    if not isinstance(block, Block):
        raise TypeError(f"{type(block).__name__} is no group of keys")
    group = _group(block)
    return {"anyOf": [_shape(block.fields[block.short]), group]} if block.short else group

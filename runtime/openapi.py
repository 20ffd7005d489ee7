"""What an OpenAPI document says of a field, for the page on which people read it."""

from __future__ import annotations

from typing import Any


def told(schema: dict[str, Any]) -> str:
    """A field's kind and limits in few words; ``schema`` is its JSON Schema (OpenAPI 3.1)."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"list of {told(schema['items'])}"
    kind = schema.get("type", "any")
    words = [" or ".join(kind) if isinstance(kind, list) else str(kind)]
    words += [str(schema[name]) for name in ("format",) if name in schema]
    words += [f"one of {', '.join(map(str, schema['enum']))}"] if "enum" in schema else []
    words += [f"at most {schema['maxLength']} characters"] if "maxLength" in schema else []
    words += [f"{schema['minimum']} to {schema['maximum']}"] if "maximum" in schema else []
    return ", ".join(words)

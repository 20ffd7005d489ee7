"""The vendor's answers, word for word."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from werkzeug.wrappers import Response

DUPLICATE = "A vault certificate with this email, title, and issue date already exists"
UNRESOLVED = "Some file_ids could not be resolved"


def told(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(body), status, headers, mimetype="application/json")


def forbidden(permission: str) -> Response:
    message = "Forbidden - Insufficient permissions"
    return told(403, {"message": message, "required_permission": permission})


def invalid(errors: Mapping[str, Sequence[str]]) -> Response:
    return told(422, {"message": "The given data was invalid.", "errors": errors})


def missing(name: str) -> str:
    return f"The {name.replace('_', ' ')} field is required."

"""What a request brings: its file, inspected, and its fields, whether JSON or a form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import request

from vault.intake import Upload
from vault.kinds import LARGEST_FILE, FileRefused
from vault.web.auth import vault
from vault.web.problems import Problem

#: File names are kept for show only, and no longer than this.
LONGEST_NAME = 255
#: How the reasons for which a file is refused begin.
SUBJECT = "The certificate file"


def file(field: str) -> tuple[Upload | None, str | None]:
    """Return (the file in that field, why it is refused); one of the two is None."""
    subject = f"The {field.replace('_', ' ')}"
    sent = request.files.get(field)
    if sent is None:
        wrong = "must be a file" if field in request.form else "is required"
        return None, f"{subject} field {wrong}."
    content = sent.stream.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        return None, f"{subject} field must not be greater than {LARGEST_FILE // 1024} kilobytes."
    try:
        kind = vault().sandbox.inspect(content)
    except FileRefused as exc:
        return None, str(exc).replace(SUBJECT, subject, 1)
    name = (sent.filename or "")[:LONGEST_NAME].encode(errors="replace").decode()
    return Upload(content=content, kind=kind, name=name.replace("\x00", "") or None), None


def fields() -> Mapping[str, Any]:
    """The request's fields; raises Problem 400 for JSON that cannot be read."""
    if not request.is_json:
        return request.form.to_dict()
    try:
        found = json.loads(request.get_data())
    except (ValueError, RecursionError) as exc:
        raise Problem(400, "The request body is not valid JSON.") from exc
    if not isinstance(found, dict):
        raise Problem(400, "The request body must be a JSON object.")
    return found

"""What is still known of a stored document that the program no longer takes, as after an upgrade.

Such a mapping goes on wanting its completions, so that no other has them meanwhile, and makes
nothing of them. What cannot be read of it is taken for anything: nobody can know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import marshmallow as ma

from mappings.locate import read
from mappings.mistakes import DocumentError
from mappings.model import Mapping
from mappings.schema import MappingBlock

_ANYTHING = """\
mapping: 1
name: any
issuer: none
site: "*"
match: {course: "*"}
entry: {certificate_title: none, full_name: none, applicant_email: none}
"""
#: Besides ``match``: what says whose completions it has, and what stands beside an entry.
_KEYS = ("issuer", "kind", "site", "priority", "again", "write_back")
WHEN = "when"


def salvage(text: str, *, name: str, error: DocumentError) -> Mapping:
    """The mapping of a document that fails to load with ``error``, its ``fault`` set."""
    data = read(_ANYTHING).data
    for part in _parts(text):
        if _loaded(data | part) is not None:
            data |= part
    fault = "; ".join(map(str, error.mistakes))
    return replace(cast(Mapping, _loaded(data)), name=name, fault=fault)


def _parts(text: str) -> Iterator[dict[str, Any]]:
    """What may be taken over, the surest first."""
    try:
        said = read(text).data
    except DocumentError:
        return
    yield from ({key: said[key]} for key in _KEYS if key in said)
    match = said.get("match")
    if isinstance(match, dict):
        yield {"match": {key: value for key, value in match.items() if key != WHEN}}
        yield {"match": match}


def _loaded(data: dict[str, Any]) -> Mapping | None:
    try:
        return cast(Mapping, MappingBlock().load(data))
    except ma.ValidationError:
        return None

"""A mapping document as the fields of a form, and a form's fields written into the document.

What the form cannot say stays as it is written, and is shown as YAML.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mappings.fields import DAYS
from mappings.locate import KeyPath, Located, Scalar, dotted, read
from mappings.writing import Raw, Written, write


class Kind(enum.Enum):
    """What a form's field holds."""

    TEXT = "text"  #: a text, with expressions or without
    LINES = "lines"  #: one or more, each on a line of its own
    AGAIN = "again"  #: never, always, or "300 days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field: which key of the document it stands for."""

    key: str
    kind: Kind = Kind.TEXT
    needed: bool = False  #: stays in the document when it is emptied, and is a mistake there
    number: bool = False

    @property
    def path(self) -> KeyPath:
        """The key's place."""
        return tuple(self.key.split("."))


_LINES = (
    "match.category",
    "match.cohort",
    "hold.names",
    "hold.placeholders",
    "hold.addresses",
    "hold.roles",
    "hold.accounts",
)
FIELDS: Sequence[Field] = (
    Field(key="name", needed=True),
    Field(key="kind"),
    Field(key="issuer", needed=True),
    Field(key="site", kind=Kind.LINES, needed=True),
    Field(key="priority", number=True),
    Field(key="match.course", kind=Kind.LINES, needed=True),
    *(Field(key=key, kind=Kind.LINES) for key in _LINES),
    Field(key="match.when"),
    Field(key="entry.certificate_title", needed=True),
    Field(key="entry.full_name", needed=True),
    Field(key="entry.applicant_email", needed=True),
    Field(key="entry.issue_date"),
    Field(key="entry.details"),
    Field(key="hold.older_than"),
    Field(key="certificate.from"),
    Field(key="certificate.template"),
    Field(key="certificate.language"),
    Field(key="certificate.paper"),
    Field(key="again", kind=Kind.AGAIN),
    Field(key="valid_for"),
    Field(key="write_back.target"),
)
_BY_KEY = {each.key: each for each in FIELDS}
#: The group that may be said by its one key alone: ``write_back: none``.
_SHORT = ("write_back",)
#: A template's parameters are fields as well, whichever it has.
PARAMETERS = "certificate.parameters."
_TRUTH = ("true", "false")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A document as a form shows it."""

    values: Mapping[str, str]  #: by key; what is left out in the document is not there
    beyond: Mapping[str, str]  #: by key, as YAML: what the form cannot say


def form_of(text: str) -> Form:
    """What a form shows of a document. Raises DocumentError where that is no YAML."""
    located = read(text)
    values: dict[str, str] = {}
    beyond: dict[str, str] = {}
    for path in _ends(located.data, ()):
        value = _at(located, path)
        is_short = path == _SHORT and isinstance(value, Scalar)
        key = dotted((*_SHORT, "target") if is_short else path)
        shown = _shown(key, value)
        if value is None or key == "mapping":
            continue  # a key with nothing behind it; and the format, which is always the same
        if shown is None:
            beyond[key] = _as_written(located, path)
        else:
            values[key] = shown
    return Form(values=values, beyond=beyond)


def filled_in(text: str, given: Mapping[str, str]) -> str:
    """The document with what a form says: where that is the same, nothing is changed.

    Raises DocumentError where the document is no YAML.
    """
    shown = form_of(text)
    for key, value in given.items():
        field = _BY_KEY.get(key) or Field(key=key)
        tidy = value.replace("\r\n", "\n")
        if key in shown.beyond or tidy == shown.values.get(key, ""):
            continue
        text = write(text, _path(text, field), _written(field, tidy))
    return text


def _path(text: str, field: Field) -> KeyPath:
    """Where a field is written."""
    is_short = field.path[:1] == _SHORT and not isinstance(read(text).data.get(_SHORT[0]), dict)
    return _SHORT if is_short else field.path


def _written(field: Field, value: str) -> Written:
    if field.kind is Kind.LINES:
        lines = [line.strip() for line in value.split("\n") if line.strip()]
        return lines or ("" if field.needed else None)
    if not value.strip():
        return "" if field.needed else None
    if field.kind is Kind.AGAIN and value not in ("never", "always"):
        return Raw(f"{{after: {value}}}") if DAYS.fullmatch(value) else value
    is_parameter = field.key.startswith(PARAMETERS)
    if (is_parameter and value in _TRUTH) or (field.number and value.lstrip("-").isdigit()):
        return Raw(value)
    return value


def _ends(data: Any, path: KeyPath) -> Iterator[KeyPath]:
    """The places of a document that are a form's fields, or are no group."""
    if isinstance(data, dict) and dotted(path) not in _BY_KEY:
        for name, inner in data.items():
            yield from _ends(inner, (*path, name))
    else:
        yield path


def _at(located: Located, path: KeyPath) -> Any:
    found: Any = located.data
    for name in path:
        found = found[name]
    return found


def _shown(key: str, value: Any) -> str | None:
    """A value as its field shows it; None where it has none, or cannot."""
    is_parameter = key.startswith(PARAMETERS) and key.count(".") == PARAMETERS.count(".")
    field = _BY_KEY.get(key) or (Field(key=key) if is_parameter else None)
    if field is None:
        return None
    if field.kind is Kind.AGAIN and isinstance(value, dict):
        after = value.get("after")
        return str(after) if set(value) == {"after"} and isinstance(after, Scalar) else None
    if field.kind is Kind.LINES and isinstance(value, list):
        fits = value and all(isinstance(each, Scalar) and _is_line(each) for each in value)
        return "\n".join(value) if fits else None
    if not isinstance(value, Scalar) or (field.kind is Kind.LINES and not _is_line(value)):
        return None
    if is_parameter and value.kind == "truth":
        return value.lower() if value.lower() in _TRUTH else None
    return None if "\r" in value else str(value)


def _is_line(value: str) -> bool:
    return value == value.strip() and not set(value) & set("\n\r")


def _as_written(located: Located, path: KeyPath) -> str:
    """The lines on which something stands."""
    node, key = located.values[path], located.keys[path]
    return located.text[key.start_mark.index : node.end_mark.index].rstrip()

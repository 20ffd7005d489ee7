"""What a request may say: every field checked, all mistakes told at once, in Laravel's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, TypeVar

import marshmallow as ma

from vault.certificate import Entry, Status
from vault.emails import is_email
from vault.store.listing import Filters
from vault.web.problems import invalid

T = TypeVar("T")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
#: C0 and C1 controls, and what begins a new line; PostgreSQL keeps no NUL, and a title is one line.
CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
CONTROLS_BUT_LINES = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
#: Half of a surrogate pair is no character and cannot be stored.
SURROGATE = re.compile(r"[\ud800-\udfff]")
#: Stands where bytes were no UTF-8: what the sender meant is lost.
LOST = "\ufffd"
#: White space of every script, and the invisible marks that spreadsheets leave at a text's ends.
INVISIBLE = "\u200b\u200e\ufeff"
EDGES = "".join(filter(str.isspace, map(chr, range(0x3001)))) + INVISIBLE
UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
MOST_PER_PAGE = 100
MOST_ENTRIES = 1000
LAST_PAGE = 1_000_000_000


#: Marks what is ours in the API's document.
EXTENSION = {"x-extension": True}


class Named(ma.fields.Field[T]):
    """A field whose mistakes call it by its name."""

    @property
    def wire(self) -> dict[str, Any]:
        """What it looks like in a request, as JSON Schema."""
        return {"type": "string"}

    @property
    def label(self) -> str:
        """The field's name as a message says it; one of many entries is called by its path."""
        path = getattr(self.parent, "path", "")
        return f"{path}.{self.name}" if path else str(self.name).replace("_", " ")

    def make_error(self, key: str, **values: Any) -> ma.ValidationError:
        if key == "required":
            return ma.ValidationError(f"The {self.label} field is required.")
        return super().make_error(key, **values)


class Text(Named[str]):
    """A text of at most ``limit`` characters, in one line unless ``lines``."""

    def __init__(self, *, limit: int, lines: bool = False, email: bool = False, **options: Any):
        super().__init__(**options)
        self._limit = limit
        self._controls = CONTROLS_BUT_LINES if lines else CONTROLS
        self._has_controls = re.compile(f"[{self._controls}]").search
        self._email = email

    @property
    def wire(self) -> dict[str, Any]:
        """A text; it is trimmed before its characters are counted."""
        found: dict[str, Any] = {"type": "string", "maxLength": self._limit}
        if self._email:
            return {**found, "format": "email"}
        some = rf"[^\s{INVISIBLE}{LOST}{self._controls}]" if self.required else ""
        rest = f"[^{LOST}{self._controls}]*"
        return {**found, "pattern": f"^{rest}{some}{rest}$" if some else f"^{rest}$"}

    def _deserialize(self, value: Any, attr: Any, data: Any, **_: Any) -> str:
        if not isinstance(value, str):
            raise ma.ValidationError(f"The {self.label} field must be a string.")
        mistakes = []
        if len(value) > self._limit:
            mistakes.append(
                f"The {self.label} field must not be greater than {self._limit} characters."
            )
        if LOST in value:
            mistakes.append(f"The {self.label} field must be encoded in UTF-8.")
        elif self._has_controls(value) or SURROGATE.search(value):
            mistakes.append(f"The {self.label} field must not contain control characters.")
        elif self._email and not is_email(value):
            mistakes.append(f"The {self.label} field must be a valid email address.")
        if mistakes:
            raise ma.ValidationError(mistakes)
        return value


class IsoDate(Named[date]):
    """A date written YYYY-MM-DD."""

    @property
    def wire(self) -> dict[str, Any]:
        """A date."""
        return {"type": "string", "format": "date"}

    def _deserialize(self, value: Any, attr: Any, data: Any, **_: Any) -> date:
        wrong = f"The {self.label} field must match the format Y-m-d."
        if not isinstance(value, str) or not DATE.fullmatch(value):
            raise ma.ValidationError(wrong)
        try:
            return date.fromisoformat(value)
        except ValueError as exc:
            raise ma.ValidationError(wrong) from exc


class Count(Named[int]):
    """A whole number from 1 to ``most``."""

    def __init__(self, *, most: int, **options: Any):
        super().__init__(**options)
        self._most = most

    @property
    def wire(self) -> dict[str, Any]:
        """A number within its limits."""
        return {"type": "integer", "minimum": 1, "maximum": self._most}

    def _deserialize(self, value: Any, attr: Any, data: Any, **_: Any) -> int:
        if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,12}", value):
            raise ma.ValidationError(f"The {self.label} field must be an integer.")
        number = int(value)
        if not 1 <= number <= self._most:
            raise ma.ValidationError(f"The {self.label} field must be between 1 and {self._most}.")
        return number


class Uuid(Named[str]):
    """A UUID; returned in lower case."""

    @property
    def wire(self) -> dict[str, Any]:
        """A UUID."""
        return {"type": "string", "format": "uuid"}

    def _deserialize(self, value: Any, attr: Any, data: Any, **_: Any) -> str:
        if not isinstance(value, str) or not UUID.fullmatch(value):
            raise ma.ValidationError(f"The {self.label} field must be a valid UUID.")
        return value.lower()


class StatusWord(Named[Status]):
    """One of the statuses."""

    @property
    def wire(self) -> dict[str, Any]:
        """One of their words."""
        return {"type": "string", "enum": [status.value for status in Status]}

    def _deserialize(self, value: Any, attr: Any, data: Any, **_: Any) -> Status:
        try:
            return Status(value)
        except ValueError as exc:
            known = ", ".join(status.value for status in Status)
            raise ma.ValidationError(
                f"The selected status is invalid. It is one of: {known}."
            ) from exc


class Content(Named[bytes]):
    """A file; only described here, since files are read apart from the fields."""

    @property
    def wire(self) -> dict[str, Any]:
        """Its bytes."""
        return {"type": "string", "format": "binary", "description": "PDF, JPEG or PNG, 20 MB"}


class Trimmed(ma.Schema):
    """Fields whose texts are trimmed; an empty one counts as not sent."""

    #: Where in the request these fields stand, such as "entries.0"; empty at the top.
    path = ""

    class Meta:
        unknown = ma.EXCLUDE

    @ma.pre_load
    def _trim(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        found = {name: _trimmed(value) for name, value in data.items()}
        return {name: value for name, value in found.items() if value not in ("", None)}


def _trimmed(value: Any) -> Any:
    return value.strip(EDGES) if isinstance(value, str) else value


class EntrySchema(Trimmed):
    """The fields of an entry, in the order in which mistakes are told."""

    certificate_title = Text(limit=255, required=True)
    full_name = Text(limit=255, required=True)
    applicant_email = Text(limit=255, email=True, required=True)
    issue_date = IsoDate(load_default=None)
    details = Text(limit=1000, lines=True, load_default=None)


class UploadSchema(EntrySchema):
    """An upload, as its document tells it."""

    certificate_file = Content(required=True)


class UploadFileSchema(Trimmed):
    """A file ahead of its entry, as its document tells it."""

    file = Content(required=True)


class BulkEntrySchema(EntrySchema):
    """An entry of a bulk upload: its file was uploaded before."""

    file_id = Uuid(required=True)


class BulkSchema(Trimmed):
    """A bulk upload, as its document tells it."""

    entries = ma.fields.List(
        ma.fields.Nested(BulkEntrySchema),
        required=True,
        validate=ma.validate.Length(min=1, max=MOST_ENTRIES),
    )


class RevocationSchema(Trimmed):
    """Why a certificate is revoked, and the uuid of the one that takes its place."""

    reason = Text(limit=1000, lines=True, required=True)
    replaced_by = Uuid(load_default=None)


class ListSchema(Trimmed):
    """What a list may be asked for."""

    status = StatusWord(load_default=None)
    applicant_email = Text(limit=255, load_default=None)
    search = Text(limit=255, load_default=None)
    batch_id = Text(limit=255, load_default=None, metadata=EXTENSION)
    issue_date_from = IsoDate(load_default=None, metadata=EXTENSION)
    issue_date_to = IsoDate(load_default=None, metadata=EXTENSION)
    page = Count(most=LAST_PAGE, load_default=1)
    per_page = Count(most=MOST_PER_PAGE, load_default=15)


def mistakes_in(
    schema: ma.Schema, data: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Return (the valid values, the mistakes) by field."""
    try:
        return schema.load(data), {}
    except ma.ValidationError as exc:
        found: dict[str, list[str]] = exc.normalized_messages()  # type: ignore[no-untyped-call]
        mistakes = {name: list(found[name]) for name in schema.fields if name in found}
        return exc.valid_data, mistakes  # type: ignore[return-value]  # a schema's is a dict


def entry_of(values: Mapping[str, Any]) -> Entry:
    """The entry that valid fields say."""
    return Entry(**values)


def filters_of(query: Mapping[str, str]) -> tuple[Filters, int, int]:
    """Return (filters, page, per page); raises Problem 422 for a query that makes no sense."""
    values, mistakes = mistakes_in(ListSchema(), query)
    if mistakes:
        raise invalid(mistakes)
    number, size = values.pop("page"), values.pop("per_page")
    return Filters(**values), number, size

"""What answers look like, as schemas: the API's document is made of them."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from vault.certificate import REFERENCE_ID, Status

EXTENSION: dict[str, Any] = {"x-extension": True}
PERMISSIONS = {"description": "The permission that the token lacks."}


def _text(description: str = "", *, null: bool = False, **more: Any) -> fields.String:
    metadata = {**({"description": description} if description else {}), **more}
    return fields.String(required=True, allow_none=null, metadata=metadata)


def _moment(*, null: bool = False, **more: Any) -> fields.String:
    return _text("ISO 8601 in UTC with microseconds", null=null, format="date-time", **more)


class Labelled(ma.Schema):
    """A word and how it is shown."""

    value = _text()
    label = _text()


class StatusShown(Labelled):
    """A status and how it is shown."""

    value = fields.String(
        required=True, validate=ma.validate.OneOf([status.value for status in Status])
    )
    color = _text()
    icon = _text()
    description = _text()


class Listed(ma.Schema):
    """A certificate as a list shows it."""

    id = fields.Integer(required=True)
    uuid = _text(format="uuid")
    reference_id = _text("Printed on the verified PDF", pattern=f"^{REFERENCE_ID}$")
    certificate_title = _text()
    full_name = _text("null once the holder's data is erased", null=True)
    applicant_email = _text("null once the holder's data is erased", null=True)
    source = fields.Nested(Labelled, required=True)
    status = fields.Nested(StatusShown, required=True)
    issue_date = _text(null=True, format="date")
    batch_id = _text("The bulk upload it came with", null=True, **EXTENSION)
    verification_url = _text("The public page", format="uri", **EXTENSION)
    created_at = _moment()
    updated_at = _moment()


class Document(ma.Schema):
    """A file of a certificate."""

    id = fields.Integer(required=True)
    type = _text()
    url = _text(format="uri")
    sha256 = _text("The file's SHA-256, hexadecimal", **EXTENSION)


class Certificate(Listed):
    """A certificate with all that is known."""

    details = _text(null=True)
    qrcode_path = _text("An SVG; null until processed", null=True, format="uri")
    barcode_path = _text("An SVG; null until processed", null=True, format="uri")
    applicant_phone_number = _text(null=True)
    institution_name = _text()
    institution_email = _text(null=True)
    institution_phone_number = _text(null=True)
    verification_notes = _text(null=True)
    rejection_reason = _text("Why processing failed", null=True)
    verified_at = _moment(null=True)
    assigned_at = _moment(null=True)
    documents = fields.List(fields.Nested(Document), required=True)
    revoked_at = _moment(null=True, **EXTENSION)
    revocation_reason = _text(null=True, **EXTENSION)
    replaced_by = _text("The uuid of the certificate in its place", null=True, **EXTENSION)
    erased_at = _moment(null=True, **EXTENSION)


class CertificateAnswer(ma.Schema):
    """One certificate."""

    data = fields.Nested(Certificate, required=True)


class DoneAnswer(CertificateAnswer):
    """What was done, and the certificate after it."""

    message = _text()


class UploadedFile(ma.Schema):
    """A file that waits for its entry."""

    file_id = _text(format="uuid")
    file_name = _text("As the sender called it", null=True)
    mime_type = _text()
    size = fields.Integer(required=True, metadata={"description": "In bytes"})


class UploadedFileAnswer(ma.Schema):
    """A file was taken."""

    message = _text()
    data = fields.Nested(UploadedFile, required=True)


class Batch(ma.Schema):
    """A bulk upload."""

    batch_id = _text("Follow it by the list's filter batch_id")
    total = fields.Integer(required=True)
    status = _text()


class BatchAnswer(ma.Schema):
    """All entries were taken."""

    message = _text()
    data = fields.Nested(Batch, required=True)


class Links(ma.Schema):
    """Pages around this one; each keeps the filters."""

    first = _text(format="uri")
    last = _text(format="uri")
    prev = _text(null=True, format="uri")
    next = _text(null=True, format="uri")


class PageLink(ma.Schema):
    """One link of a pager."""

    url = _text(null=True, format="uri")
    label = _text()
    active = fields.Boolean(required=True)


class PageMeta(ma.Schema):
    """Where a page lies in the whole list."""

    current_page = fields.Integer(required=True)
    from_ = fields.Integer(required=True, allow_none=True, data_key="from")
    last_page = fields.Integer(required=True)
    links = fields.List(fields.Nested(PageLink), required=True)
    path = _text(format="uri")
    per_page = fields.Integer(required=True)
    to = fields.Integer(required=True, allow_none=True)
    total = fields.Integer(required=True)


class PageAnswer(ma.Schema):
    """One page of a list."""

    data = fields.List(fields.Nested(Listed), required=True)
    links = fields.Nested(Links, required=True)
    meta = fields.Nested(PageMeta, required=True)


class Refusal(ma.Schema):
    """Why a request was not served."""

    message = _text()


class Forbidden(Refusal):
    """The token lacks a permission."""

    required_permission = fields.String(required=True, metadata=PERMISSIONS)


class Invalid(Refusal):
    """Mistakes by field; the message alone for a duplicate; a list for unresolved file_ids."""

    errors = fields.Raw(
        metadata={
            "oneOf": [
                {
                    "type": "object",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                },
                {"type": "array", "items": {"type": "string"}},
            ]
        }
    )


class ServerError(Refusal):
    """The vault's own fault; nothing was changed."""

    error_code = _text()

"""How certificates and lists of them look in an answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import sqlalchemy as sa

from vault.addresses import Addresses
from vault.certificate import DISPLAY, Source, Status

#: Page links shown on each side of the current one, as Laravel's paginator does.
ON_EACH_SIDE = 3

Json = dict[str, Any]


def listed(row: sa.Row[Any], addresses: Addresses) -> Json:
    """A certificate as a list shows it. ``batch_id`` and ``verification_url`` are extensions.

    Name and e-mail are null once the holder's data is erased.
    """
    status, source = Status(row.status), Source(row.source)
    display = DISPLAY[status]
    return {
        "id": row.id,
        "uuid": row.uuid,
        "reference_id": row.reference_id,
        "certificate_title": row.certificate_title,
        "full_name": row.full_name or None,
        "applicant_email": row.applicant_email or None,
        "source": {"value": source.value, "label": source.label},
        "status": {
            "value": status.value,
            "label": display.label,
            "color": display.color,
            "icon": display.icon,
            "description": display.description,
        },
        "issue_date": row.issue_date.isoformat() if row.issue_date else None,
        "batch_id": row.batch_uuid,
        "verification_url": addresses.verification(row.reference_id),
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
    }


def whole(row: sa.Row[Any], addresses: Addresses) -> Json:
    """A certificate with all that is known.

    Extensions: what became of it: ``revoked_at``, ``revocation_reason``,
    ``replaced_by`` (a uuid), ``erased_at``.
    """
    verified = row.verified_file_id is not None
    downloadable = row.status == Status.GENERATED.value and verified
    return {
        **listed(row, addresses),
        "details": row.details,
        "qrcode_path": addresses.qr_code(row.reference_id) if verified else None,
        "barcode_path": addresses.barcode(row.reference_id) if verified else None,
        "applicant_phone_number": None,
        "institution_name": row.institution_name,
        "institution_email": row.institution_email,
        "institution_phone_number": row.institution_phone_number,
        "verification_notes": row.verification_notes,
        "rejection_reason": row.problem if row.status == Status.FAILED.value else None,
        "verified_at": moment(row.verified_at),
        "assigned_at": moment(row.assigned_at),
        "documents": [_verified_pdf(row, addresses)] if downloadable else [],
        "revoked_at": moment(row.revoked_at),
        "revocation_reason": row.revocation_reason,
        "replaced_by": row.replaced_by_uuid,
        "erased_at": moment(row.erased_at),
    }


def _verified_pdf(row: sa.Row[Any], addresses: Addresses) -> Json:
    return {
        "id": row.verified_file_id,
        "type": "verified_pdf",
        "url": addresses.download(row.uuid),
        "sha256": row.verified_sha256,
    }


def moment(when: datetime | None) -> str | None:
    """ISO 8601 in UTC with microseconds."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if when else None


def page(
    items: Sequence[Json],
    *,
    number: int,
    size: int,
    total: int,
    path: str,
    query: Sequence[tuple[str, str]],
) -> Json:
    """The envelope of one page; every link keeps ``query``, the filters asked for.

    As Laravel's LengthAwarePaginator and PaginatedResourceResponse make it, to the letter.
    """
    last = max(1, -(-total // size))

    def url(of: int) -> str:
        return f"{path}?{urlencode([*query, ('page', str(of))], safe='', quote_via=quote)}"

    previous = url(number - 1) if number > 1 else None
    following = url(number + 1) if number < last else None
    first_item = (number - 1) * size + 1 if items else None
    return {
        "data": items,
        "links": {"first": url(1), "last": url(last), "prev": previous, "next": following},
        "meta": {
            "current_page": number,
            "from": first_item,
            "last_page": last,
            "links": [
                {"url": previous, "label": "&laquo; Previous", "active": False},
                *(
                    {"url": None, "label": "...", "active": False}
                    if of is None
                    else {"url": url(of), "label": str(of), "active": of == number}
                    for of in _shown(number, last)
                ),
                {"url": following, "label": "Next &raquo;", "active": False},
            ],
            "path": path,
            "per_page": size,
            "to": first_item + len(items) - 1 if first_item else None,
            "total": total,
        },
    }


def _shown(number: int, last: int) -> list[int | None]:
    """The page numbers that get a link, None for a gap: both ends and a window around here."""
    window = ON_EACH_SIDE + 4
    if last < 2 * ON_EACH_SIDE + 8:
        return list(range(1, last + 1))
    if number <= window:
        return [*range(1, window + ON_EACH_SIDE + 1), None, last - 1, last]
    if number > last - window:
        return [1, 2, None, *range(last - (window + ON_EACH_SIDE - 1), last + 1)]
    around = range(number - ON_EACH_SIDE, number + ON_EACH_SIDE + 1)
    return [1, 2, None, *around, None, last - 1, last]

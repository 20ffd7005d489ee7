"""A vault's answer read: from status and body to what it means (exactly-once rule d)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from bridge.vault_client.answers import (
    Accepted,
    Ambiguous,
    Answer,
    BulkAnswer,
    BulkRefused,
    BulkTaken,
    CannotRevoke,
    Duplicate,
    FileAnswer,
    FileTaken,
    Forbidden,
    NotDone,
    NotPermitted,
    Refused,
    RevokeAnswer,
    Unauthorised,
    Unavailable,
    VaultCertificate,
    code_of,
)

#: A vault may ask for a pause until its next day; what asks for longer is taken for a mistake.
LONGEST_WAIT = timedelta(days=1)
#: Nothing of a vault stands at this address; a vault that knows the call never says so.
NOWHERE = frozenset({404, 405, 410})
#: What a vault answers that does not know a call at all.
NO_SUCH_CALL = NOWHERE | {501}
UNREADABLE = "The vault's answer could not be read."
#: How a refusal of a bulk upload names an entry.
ENTRY = re.compile(r"(?:entries\.|Entry )(\d{1,6})\b")


def raise_for(response: httpx.Response) -> None:
    """Raise Forbidden or Unavailable for the answer to a question that is not its answer."""
    answer = classify(response)
    if isinstance(answer, Unauthorised):
        raise Forbidden(answer.message, remedy=answer.remedy)
    raise Unavailable(
        f"The vault answered {response.status_code}.",
        retry_after=_retry_after(response),
        code=code_of(response.status_code),
    )


def classify(response: httpx.Response) -> Answer:
    """What an answer to a single upload or a retry means."""
    code, body = response.status_code, json_of(response)
    if code in (200, 201):
        return _accepted(code, body)
    if (unsettled := _unsettled(response, body)) is not None:
        return unsettled
    if code == 422 and isinstance(body, dict) and not body.get("errors"):
        # Field errors come with `errors`; a message alone is the duplicate rule. The caller looks.
        return Duplicate(message=_told(code, body))
    return _refused(code, body)


def classify_revocation(response: httpx.Response) -> RevokeAnswer:
    """What an answer to a revocation means: an extension, which a vault need not know."""
    code, body = response.status_code, json_of(response)
    if code in NO_SUCH_CALL:
        return CannotRevoke(message=_told(code, body), status_code=code)
    if code == 403:
        remedy = _permission(body)
        return NotPermitted(message=_told(code, body), remedy=remedy, status_code=code)
    if code in (200, 201):
        return _accepted(code, body)
    return _unsettled(response, body) or _refused(code, body)


def classify_file(response: httpx.Response) -> FileAnswer:
    """What an answer to a file uploaded ahead means."""
    code, body = response.status_code, json_of(response)
    if code in (200, 201):
        try:
            return FileTaken(file_id=str(body["data"]["file_id"]), status_code=code)
        except (KeyError, TypeError):
            return Ambiguous(message=UNREADABLE, status_code=code)
    if (unsettled := _unsettled(response, body)) is not None:
        return unsettled
    return _refused(code, body)


def classify_bulk(response: httpx.Response) -> BulkAnswer:
    """What an answer to a bulk upload means. Taken is taken, whatever else its body says."""
    code, body = response.status_code, json_of(response)
    if code in (200, 201, 202):
        if not isinstance(body, dict):
            return Ambiguous(message=UNREADABLE, status_code=code)
        return BulkTaken(batch_id=_batch_id(body), status_code=code)
    if (unsettled := _unsettled(response, body)) is not None:
        return unsettled
    return BulkRefused(message=_told(code, body), guilty=_guilty(body), status_code=code)


def _unsettled(response: httpx.Response, body: Any) -> Unauthorised | NotDone | Ambiguous | None:
    """The meaning of answers that say nothing of what was sent; None for one that does."""
    code = response.status_code
    message = _told(code, body)
    if code == 429:
        return NotDone(message=message, retry_after=_retry_after(response), status_code=code)
    if code in NOWHERE:
        told = f"{message} Is the address of the issuer's vault right?"
        return NotDone(message=told, status_code=code)
    if code in (401, 403):
        return Unauthorised(message=message, remedy=_permission(body), status_code=code)
    if code in (408, 425) or code >= 500 or code < 400:
        wait = _retry_after(response)
        return Ambiguous(message=message, retry_after=wait, status_code=code)
    return None


def _refused(code: int, body: Any) -> Refused:
    message = _with_fields(_told(code, body), body)
    return Refused(message=message, status_code=code, field=_first_field(body))


def _first_field(body: Any) -> str | None:
    errors = body.get("errors") if isinstance(body, dict) else None
    return next(map(str, errors), None) if isinstance(errors, dict) else None


def _told(code: int, body: Any) -> str:
    return message_of(body) or f"The vault answered {code}."


def _batch_id(body: dict[str, Any]) -> str | None:
    data = body.get("data")
    found = data.get("batch_id") if isinstance(data, dict) else None
    return None if found is None else str(found)


def _guilty(body: Any) -> dict[int, str]:
    """The entries that a refusal names, by field (``entries.0.full_name``) or ("Entry 0: …")."""
    errors = body.get("errors") if isinstance(body, dict) else None
    if isinstance(errors, dict):
        told = [(str(name), " ".join(map(str, said))) for name, said in errors.items()]
    elif isinstance(errors, list):
        told = [(str(said), str(said)) for said in errors]
    else:
        return {}
    guilty: dict[int, str] = {}
    for name, said in told:
        if match := ENTRY.match(name):
            place = int(match[1])
            guilty[place] = f"{guilty[place]} {said}" if place in guilty else said
    return guilty


def _accepted(code: int, body: Any) -> Accepted | Ambiguous:
    try:
        return Accepted(certificate=certificate(body["data"]), status_code=code)
    except (KeyError, TypeError, AttributeError):
        return Ambiguous(message=UNREADABLE, status_code=code)


def certificate(item: dict[str, Any]) -> VaultCertificate:
    """A certificate read from the vault's JSON. Raises KeyError, TypeError, AttributeError."""
    status = item["status"]
    value = status["value"] if isinstance(status, dict) else str(status)
    label = str(status.get("label", value)) if isinstance(status, dict) else value
    source = item.get("source")
    return VaultCertificate(
        uuid=str(item["uuid"]),
        reference_id=item.get("reference_id"),
        certificate_title=item.get("certificate_title") or "",
        full_name=item.get("full_name") or "",
        applicant_email=item.get("applicant_email") or "",
        issue_date=(item.get("issue_date") or "")[:10] or None,
        status=value,
        status_label=label,
        source=source.get("value") if isinstance(source, dict) else source,
        details=(item["details"] or "") if "details" in item else None,
        created_at=_moment(item.get("created_at")),
        verification_url=item.get("verification_url"),
        batch_id=item.get("batch_id"),
        reason=item.get("rejection_reason") or item.get("failure_reason"),
    )


def has_more(body: dict[str, Any], number: int) -> bool:
    """Whether a page of the list is not the last."""
    last = (body.get("meta") or {}).get("last_page")
    if last is not None:
        return bool(last > number)
    return bool((body.get("links") or {}).get("next"))


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def json_of(response: httpx.Response) -> Any:
    """An answer's JSON; None if it is none."""
    try:
        return response.json()
    except ValueError:
        return None


def message_of(body: Any) -> str | None:
    """What an answer says in its ``message``, if it does."""
    message = body.get("message") if isinstance(body, dict) else None
    return message if isinstance(message, str) and message else None


def _permission(body: Any) -> str:
    needed = body.get("required_permission") if isinstance(body, dict) else None
    if isinstance(needed, str):
        return f"Give the token the permission {needed}, then `vaultbridge issuer rotate`."
    return "Make a new token at the vault, then `vaultbridge issuer rotate`."


def _with_fields(message: str, body: Any) -> str:
    errors = body.get("errors") if isinstance(body, dict) else None
    if isinstance(errors, dict):
        return "; ".join(f"{name}: {' '.join(map(str, said))}" for name, said in errors.items())
    if isinstance(errors, list):
        return "; ".join([message, *map(str, errors)])
    return message


def _retry_after(response: httpx.Response) -> timedelta | None:
    given = response.headers.get("retry-after", "")
    try:
        if given.isdecimal():
            wait = timedelta(seconds=int(given))
        else:
            when = parsedate_to_datetime(given)
            wait = (when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.now(UTC)
    except (ValueError, OverflowError):
        return None
    return min(max(wait, timedelta()), LONGEST_WAIT)

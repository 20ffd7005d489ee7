"""The Certificate Vault's HTTP API, each answer classified: what it means for us, not its status.

The contract: the vendor's reference pages; where they are silent, nothing is assumed. Keys that a
certificate does not carry are passed over, a status that is not known is shown as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar, TypeAlias

import httpx

from runtime.http import AddressRefused

BASE = "/business/certificate-vault"
LARGEST_PAGE = 100
#: A UUID that no certificate has.
NO_CERTIFICATE = "00000000-0000-4000-8000-000000000000"
LONGEST_WAIT = timedelta(hours=1)
#: Raised before a byte of the request has left: safe to send again.
NOT_SENT = (
    AddressRefused,
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)
#: Nothing of a vault stands at this address; a vault that knows the call never says so.
NOWHERE = frozenset({404, 405, 410})


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultCertificate:
    """A certificate as the vault tells it."""

    uuid: str
    reference_id: str | None
    certificate_title: str
    full_name: str
    applicant_email: str
    issue_date: str | None  #: ISO date, verbatim
    status: str  #: ``processing``, ``generated``, ``failed``, ``revoked`` … or one we don't know
    status_label: str
    source: str | None
    details: str | None  #: empty if there are none; None where they are not shown
    created_at: datetime | None
    verification_url: str | None  #: our own vault's extension
    reason: str | None  #: why it failed, where the vault says so


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the vault is told of one certificate."""

    certificate_title: str
    full_name: str
    applicant_email: str
    issue_date: str
    details: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The vault has done it."""

    certificate: VaultCertificate
    status_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """Such a certificate exists: ours from an earlier try, or somebody else's."""

    code: ClassVar[str] = "vault_duplicate"
    message: str
    status_code: int = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The vault will never take this request as it is; ``field`` is the first it objects to."""

    code: ClassVar[str] = "vault_refused"
    message: str
    status_code: int
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unauthorised:
    """The vault does not take our token for this."""

    code: ClassVar[str] = "vault_token"
    message: str
    remedy: str
    status_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotDone:
    """Surely not done: nothing was sent, or the vault said "not now"."""

    message: str
    retry_after: timedelta | None = None
    status_code: int | None = None

    @property
    def code(self) -> str:
        """What such failures are grouped by."""
        return _code_of(self.status_code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ambiguous:
    """Nobody knows whether it was done."""

    code: ClassVar[str] = "vault_answer_lost"
    message: str
    status_code: int | None = None


Answer: TypeAlias = Accepted | Duplicate | Refused | Unauthorised | NotDone | Ambiguous


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """Whether the token may do something at the vault."""

    name: str
    ok: bool
    message: str


class VaultError(Exception):
    """A question to the vault has no answer now; such failures are grouped by ``code``."""

    code = "vault_unreachable"


class NotReady(VaultError):
    """The verified PDF is not there yet."""


class Unavailable(VaultError):
    """The vault cannot be reached, or answers what is no answer. Ask again later."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: timedelta | None = None,
        code: str = "vault_unreachable",
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.code = code


class Forbidden(VaultError):
    """The vault does not take our token for this; ``remedy`` says what it needs."""

    code = "vault_token"

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class VaultClient:
    """One issuer's account at its vault."""

    def __init__(self, base_url: str, token: str, *, http: httpx.Client) -> None:
        self._url = base_url.rstrip("/") + BASE
        self._headers = {"Accept": "application/json", "Authorization": f"Bearer {token}"}
        self._http = http

    def upload(self, entry: Entry) -> Answer:
        """Upload one certificate with its file (single upload)."""
        fields = {
            "certificate_title": entry.certificate_title,
            "full_name": entry.full_name,
            "applicant_email": entry.applicant_email,
            "issue_date": entry.issue_date,
            "details": entry.details,
        }
        files = {"certificate_file": ("certificate.pdf", entry.content, "application/pdf")}
        return self._act("", data=fields, files=files)

    def retry(self, uuid: str) -> Answer:
        """Ask the vault to process a failed certificate again."""
        return self._act(f"/{uuid}/retry")

    def page(self, number: int, *, email: str | None = None) -> tuple[list[VaultCertificate], bool]:
        """One page of the list, newest first, and whether there is another.

        Raises Unavailable or Forbidden.
        """
        query: dict[str, str] = {"page": str(number), "per_page": str(LARGEST_PAGE)}
        if email is not None:
            query["applicant_email"] = email
        body = self._ask("", params=query)
        try:
            return [_certificate(item) for item in body["data"]], _has_more(body, number)
        except (KeyError, TypeError, AttributeError) as exc:
            raise Unavailable(
                f"The vault's list is of a shape unknown ({exc!r}).", code="vault_malformed"
            ) from exc

    def view(self, uuid: str) -> VaultCertificate | None:
        """The full object; None if the vault knows no such certificate."""
        body = self._ask(f"/{uuid}", missing_ok=True)
        if body is None:
            return None
        try:
            return _certificate(body["data"])
        except (KeyError, TypeError, AttributeError) as exc:
            raise Unavailable(
                f"The vault's certificate is of a shape unknown ({exc!r}).", code="vault_malformed"
            ) from exc

    @contextmanager
    def download(self, uuid: str) -> Iterator[httpx.Response]:
        """Stream the verified PDF. Raises NotReady, Unavailable or Forbidden."""
        url = f"{self._url}/{uuid}/download"
        headers = {**self._headers, "Accept": "application/pdf"}
        try:
            with self._http.stream("GET", url, headers=headers) as response:
                if response.status_code == 404:
                    raise NotReady("The verified PDF is not there yet.")
                if response.status_code != 200:
                    response.read()
                    _raise_for(response)
                yield response
        except httpx.HTTPError as exc:
            raise Unavailable(f"The vault did not answer ({type(exc).__name__}).") from exc

    def probe(self) -> Iterator[Permission]:
        """Try each permission the bridge needs, one by one, without changing anything.

        An unknown id and an empty upload are refused for what they are (404, 422) where the token
        may do it, and for the token (401, 403) where it may not. Raises Unavailable.
        """
        nowhere = f"/{NO_CERTIFICATE}"
        calls = {
            "certificate-vault:list": ("GET", ""),
            "certificate-vault:view": ("GET", nowhere),
            "certificate-vault:create": ("POST", ""),
            "certificate-vault:download": ("GET", f"{nowhere}/download"),
            "certificate-vault:update": ("POST", f"{nowhere}/retry"),
        }
        for name, (method, path) in calls.items():
            try:
                response = self._http.request(method, self._url + path, headers=self._headers)
            except httpx.HTTPError as exc:
                raise Unavailable(
                    f"The vault did not answer ({type(exc).__name__}: {exc})."
                ) from exc
            if response.status_code not in (200, 400, 401, 403, 404, 422):
                raise Unavailable(f"The vault answered {response.status_code}.")
            ok = response.status_code not in (401, 403)
            yield Permission(name=name, ok=ok, message=_message(_json(response)) or "")

    def _act(self, path: str, **body: Any) -> Answer:
        try:
            response = self._http.post(self._url + path, headers=self._headers, **body)
        except NOT_SENT as exc:
            return NotDone(message=f"The vault cannot be reached ({type(exc).__name__}: {exc}).")
        except httpx.HTTPError as exc:
            return Ambiguous(message=f"The vault's answer was lost ({type(exc).__name__}).")
        return _classify(response)

    def _ask(self, path: str, *, missing_ok: bool = False, **options: Any) -> Any:
        try:
            response = self._http.get(self._url + path, headers=self._headers, **options)
        except httpx.HTTPError as exc:
            raise Unavailable(f"The vault did not answer ({type(exc).__name__}: {exc}).") from exc
        if response.status_code == 404 and missing_ok:
            return None
        if response.status_code != 200:
            _raise_for(response)
        body = _json(response)
        if not isinstance(body, dict):
            raise Unavailable(
                "The vault answered 200 with something that is not its JSON.",
                code="vault_malformed",
            )
        return body


def _raise_for(response: httpx.Response) -> None:
    answer = _classify(response)
    if isinstance(answer, Unauthorised):
        raise Forbidden(answer.message, remedy=answer.remedy)
    raise Unavailable(
        f"The vault answered {response.status_code}.",
        retry_after=_retry_after(response),
        code=_code_of(response.status_code),
    )


def _code_of(status_code: int | None) -> str:
    return "vault_unreachable" if status_code is None else f"vault_http_{status_code}"


def _classify(response: httpx.Response) -> Answer:
    """What an answer to an act means (exactly-once rule d)."""
    code, body = response.status_code, _json(response)
    message = _message(body) or f"The vault answered {code}."
    if code in (200, 201):
        return _accepted(code, body)
    if code == 429:
        return NotDone(message=message, retry_after=_retry_after(response), status_code=code)
    if code in NOWHERE:
        told = f"{message} Is the address of the issuer's vault right?"
        return NotDone(message=told, status_code=code)
    if code in (401, 403):
        return Unauthorised(message=message, remedy=_permission(body), status_code=code)
    if code == 422 and isinstance(body, dict) and not body.get("errors"):
        # Field errors come with `errors`; a message alone is the duplicate rule. The caller looks.
        return Duplicate(message=message)
    if code in (408, 425) or code >= 500 or code < 400:
        return Ambiguous(message=message, status_code=code)
    return Refused(message=_with_fields(message, body), status_code=code, field=_first_field(body))


def _accepted(code: int, body: Any) -> Answer:
    try:
        return Accepted(certificate=_certificate(body["data"]), status_code=code)
    except (KeyError, TypeError, AttributeError):
        return Ambiguous(message="The vault's answer could not be read.", status_code=code)


def _certificate(item: dict[str, Any]) -> VaultCertificate:
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
        reason=item.get("rejection_reason") or item.get("failure_reason"),
    )


def _has_more(body: dict[str, Any], number: int) -> bool:
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


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _message(body: Any) -> str | None:
    message = body.get("message") if isinstance(body, dict) else None
    return message if isinstance(message, str) and message else None


def _permission(body: Any) -> str:
    needed = body.get("required_permission") if isinstance(body, dict) else None
    if isinstance(needed, str):
        return f"Give the token the permission {needed}, then `vaultbridge issuer rotate`."
    return "Make a new token at the vault, then `vaultbridge issuer rotate`."


def _first_field(body: Any) -> str | None:
    errors = body.get("errors") if isinstance(body, dict) else None
    return next(map(str, errors), None) if isinstance(errors, dict) else None


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

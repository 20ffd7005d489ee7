"""One issuer's account at its vault: the calls of the Certificate Vault's HTTP API.

The contract: the vendor's reference pages; where they are silent, nothing is assumed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import httpx

from bridge.vault_client.answers import (
    Ambiguous,
    Answer,
    BulkAnswer,
    BulkEntry,
    Entry,
    FileAnswer,
    NotDone,
    NotReady,
    Permission,
    RevokeAnswer,
    Unavailable,
    VaultCertificate,
)
from bridge.vault_client.classify import (
    NO_SUCH_CALL,
    certificate,
    classify,
    classify_bulk,
    classify_file,
    classify_revocation,
    has_more,
    json_of,
    message_of,
    raise_for,
)
from runtime.http import AddressRefused

BASE = "/business/certificate-vault"
LARGEST_PAGE = 100
#: A UUID that no certificate has.
NO_CERTIFICATE = "00000000-0000-4000-8000-000000000000"
#: Raised before a byte of the request has left: safe to send again.
NOT_SENT = (
    AddressRefused,
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)


def _pdf(content: bytes) -> tuple[str, bytes, str]:
    return "certificate.pdf", content, "application/pdf"


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
        return self._act("", data=fields, files={"certificate_file": _pdf(entry.content)})

    def upload_file(self, content: bytes) -> FileAnswer:
        """Upload a file ahead of its entry. Doing it twice leaves a file that nothing uses."""
        response = self._post("/upload-file", files={"file": _pdf(content)})
        return classify_file(response) if isinstance(response, httpx.Response) else response

    def bulk(self, entries: Sequence[BulkEntry]) -> BulkAnswer:
        """Submit entries whose files were uploaded ahead."""
        parts = {
            f"entries[{place}][{name}]": (None, value)
            for place, entry in enumerate(entries)
            for name, value in asdict(entry).items()
        }
        response = self._post("/bulk", files=parts)
        return classify_bulk(response) if isinstance(response, httpx.Response) else response

    def retry(self, uuid: str) -> Answer:
        """Ask the vault to process a failed certificate again."""
        return self._act(f"/{uuid}/retry")

    def revoke(self, uuid: str, *, reason: str, replaced_by: str | None) -> RevokeAnswer:
        """Revoke a certificate, or tell of one that is revoked what has replaced it.

        An extension of our own vault; ``reason`` is public there.
        """
        told = {"reason": reason, "replaced_by": replaced_by}
        parts = {name: (None, value) for name, value in told.items() if value is not None}
        response = self._post(f"/{uuid}/revoke", files=parts)
        return classify_revocation(response) if isinstance(response, httpx.Response) else response

    def erase(self, uuid: str) -> RevokeAnswer:
        """Have the data of a certificate's holder erased; an extension of our own vault.

        One that is erased already is refused with 400.
        """
        response = self._post(f"/{uuid}/erase")
        return classify_revocation(response) if isinstance(response, httpx.Response) else response

    def can_revoke(self) -> bool:
        """Whether the vault knows how to revoke; nothing is changed. Raises VaultError.

        Asked to revoke a certificate that nobody has, and for no reason, one that knows the call
        objects to the request; one that does not has nothing at the address.
        """
        try:
            url = f"{self._url}/{NO_CERTIFICATE}/revoke"
            response = self._http.post(url, headers=self._headers)
        except httpx.HTTPError as exc:
            raise Unavailable(f"The vault did not answer ({type(exc).__name__}: {exc}).") from exc
        if response.status_code in NO_SUCH_CALL:
            return False
        if response.status_code not in (400, 422):
            raise_for(response)
        return True

    def page(
        self, number: int, *, email: str | None = None, status: str | None = None
    ) -> tuple[list[VaultCertificate], bool]:
        """One page of the list, newest first, and whether there is another.

        Raises Unavailable or Forbidden.
        """
        query: dict[str, str] = {"page": str(number), "per_page": str(LARGEST_PAGE)}
        if email is not None:
            query["applicant_email"] = email
        if status is not None:
            query["status"] = status
        body = self._ask("", params=query)
        try:
            return [certificate(item) for item in body["data"]], has_more(body, number)
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
            return certificate(body["data"])
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
                    raise_for(response)
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
            yield Permission(name=name, ok=ok, message=message_of(json_of(response)) or "")

    def _act(self, path: str, **body: Any) -> Answer:
        response = self._post(path, **body)
        return classify(response) if isinstance(response, httpx.Response) else response

    def _post(self, path: str, **body: Any) -> httpx.Response | NotDone | Ambiguous:
        try:
            return self._http.post(self._url + path, headers=self._headers, **body)
        except NOT_SENT as exc:
            return NotDone(message=f"The vault cannot be reached ({type(exc).__name__}: {exc}).")
        except httpx.HTTPError as exc:
            return Ambiguous(message=f"The vault's answer was lost ({type(exc).__name__}).")

    def _ask(self, path: str, *, missing_ok: bool = False, **options: Any) -> Any:
        try:
            response = self._http.get(self._url + path, headers=self._headers, **options)
        except httpx.HTTPError as exc:
            raise Unavailable(f"The vault did not answer ({type(exc).__name__}: {exc}).") from exc
        if response.status_code == 404 and missing_ok:
            return None
        if response.status_code != 200:
            raise_for(response)
        body = json_of(response)
        if not isinstance(body, dict):
            raise Unavailable(
                "The vault answered 200 with something that is not its JSON.",
                code="vault_malformed",
            )
        return body

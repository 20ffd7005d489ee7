"""A vault that is tried: how it is called, and what is noted of each call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from tests.conformance.left import Left
from tests.vault import samples

API = "/business/certificate-vault"
NOBODYS = "00000000-0000-4000-8000-000000000000"
#: No mail can leave for it: the name never resolves (RFC 6761, 6.4).
NOWHERE = "conformance.invalid"


@dataclass(kw_only=True)
class Subject:
    """Calls a vault with or without its token."""

    client: httpx.Client
    token: str = field(repr=False)
    wait: Callable[[Callable[[], bool]], None]  #: until something holds
    left: Left = field(default_factory=Left)  #: what stays in the vault
    run: str = field(default_factory=lambda: uuid4().hex[:12])  #: marks what this run makes
    mailbox: str | None = None  #: whose address the recipient's is; by default nobody's

    @property
    def email(self) -> str:
        """The recipient of all certificates of this run."""
        return self.mailbox or f"conformance-{self.run}@{NOWHERE}"

    def call(
        self, method: str, path: str = "", *, token: str | None = None, **more: Any
    ) -> httpx.Response:
        """Call the vault; without ``token`` with its own."""
        headers = {"Accept": "application/json", "Authorization": f"Bearer {token or self.token}"}
        return self.client.request(method, API + path, headers=headers, **more)

    def entry(self, title: str, **fields: str) -> dict[str, str]:
        """A valid entry of this run."""
        return {
            "certificate_title": f"Conformance {self.run} {title}",
            "full_name": "Zoë Conformance",
            "applicant_email": self.email,
            "issue_date": "2025-06-01",
            "details": "Made by the conformance suite",
            **fields,
        }

    def upload(self, entry: dict[str, str], content: bytes | None) -> httpx.Response:
        """Upload one certificate; without ``content`` no file is sent."""
        files = {"certificate_file": ("certificate.pdf", content)} if content is not None else None
        with self._noted(f"a certificate {entry.get('certificate_title')!r}"):
            answer = self.call("POST", data=entry, files=files)
        self.left.uploaded(entry, answer)
        return answer

    def upload_file(self, text: str) -> httpx.Response:
        """Upload a file ahead of its entry."""
        name = "certificate1.pdf"
        with self._noted(f"a file {name}"):
            answer = self.call("POST", "/upload-file", files={"file": (name, samples.pdf(text))})
        self.left.ahead(name, answer)
        return answer

    def bulk(self, entries: list[dict[str, str]]) -> httpx.Response:
        """Submit entries whose files were uploaded."""
        parts = {
            f"entries[{n}][{name}]": (None, value)
            for n, entry in enumerate(entries)
            for name, value in entry.items()
        }
        with self._noted(f"{len(entries)} entries, the first {entries[0]['certificate_title']!r}"):
            answer = self.call("POST", "/bulk", files=parts)
        self.left.batch(entries, answer)
        return answer

    @contextmanager
    def _noted(self, sent: str) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError:
            self.left.perhaps.append(sent)
            raise

"""A vault that is tried, and what the suite leaves in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from tests.vault import samples

API = "/business/certificate-vault"


@dataclass(kw_only=True)
class Subject:
    """Calls a vault with or without its token."""

    client: httpx.Client
    token: str = field(repr=False)
    wait: Callable[[Callable[[], bool]], None]  #: until something holds
    left: list[str]  #: what stays in the vault
    run: str = field(default_factory=lambda: uuid4().hex[:12])  #: marks what this run makes

    @property
    def email(self) -> str:
        """The recipient of all certificates of this run; reserved addresses reach nobody."""
        return f"conformance-{self.run}@example.com"

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

    def upload(self, title: str, **fields: str) -> httpx.Response:
        """Upload one certificate; what is taken stays in the vault."""
        entry = self.entry(title, **fields)
        file = ("certificate.pdf", samples.pdf(title))
        answer = self.call("POST", data=entry, files={"certificate_file": file})
        if answer.status_code == 201:
            self.left.append(f"certificate {entry['certificate_title']!r}")
        return answer

    def upload_file(self, text: str) -> httpx.Response:
        """Upload a file ahead of its entry."""
        file = ("certificate1.pdf", samples.pdf(text))
        return self.call("POST", "/upload-file", files={"file": file})

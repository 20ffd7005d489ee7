"""Whether a vault can be tried at all: if not, why, in one text. It makes nothing there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from tests.conformance.subject import API, NOBODYS, NOWHERE, Subject

URL, TOKEN, EMAIL = "CONFORMANCE_URL", "CONFORMANCE_TOKEN", "CONFORMANCE_EMAIL"
#: A call that needs each permission and changes nothing, as there is no such certificate.
NEEDING = {
    "view": ("GET", f"/{NOBODYS}"),
    "download": ("GET", f"/{NOBODYS}/download"),
    "update": ("POST", f"/{NOBODYS}/retry"),
}


def why_not(subject: Subject) -> str | None:
    """What keeps the vault from being tried, and what to do; None where nothing does."""
    try:
        listed = subject.call("GET", params={"per_page": "1"})
        if (reason := _no_vault(listed)) is not None:
            return reason
        answers = {name: subject.call(*call) for name, call in NEEDING.items()}
        # No vault takes an upload without its file.
        incomplete = subject.upload(subject.entry("incomplete"), None)
        answers = {"list": listed, **answers, "create": incomplete}
        return _may_not(answers) or _no_recipient(subject.email, incomplete)
    except (httpx.TransportError, httpx.InvalidURL) as exc:
        reason = f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
        url = f"{subject.client.base_url}".rstrip("/") + API
        return f"{url} does not answer ({reason}). Look at {URL}, and whether the vault runs."


def _no_vault(listed: httpx.Response) -> str | None:
    """The list's first page is asked for; 403 is a vault's answer too."""
    at = str(listed.request.url.copy_with(query=None))
    status = listed.status_code
    if listed.is_redirect:
        return f"{at} leads on to {listed.headers.get('Location')}. Set {URL} to what it leads to."
    if status == 401:
        return f"{at} does not know the token. Set {TOKEN} to a valid one of a test institution."
    if status == 429 or status >= 500:
        return f"{at} answers {status}. Try again when the vault is well: {listed.text[:200]}"
    if (status == 403 and _json(listed)) or (
        status == 200 and isinstance(_json(listed).get("data"), list)
    ):
        return None
    return (
        f"At {at} is no Certificate Vault: it answers {status}, {_kind(listed)}. "
        f"Set {URL} to the address before {API}."
    )


def _may_not(answers: Mapping[str, httpx.Response]) -> str | None:
    missing = [
        str(_json(answer).get("required_permission", f"certificate-vault:{name}"))
        for name, answer in answers.items()
        if answer.status_code == 403
    ]
    if not missing:
        return None
    return (
        f"The token lacks {', '.join(missing)}. Set {TOKEN} to one that has list, view, create, "
        "download and update."
    )


def _no_recipient(email: str, incomplete: httpx.Response) -> str | None:
    wrong = _json(incomplete).get("errors")
    if not isinstance(wrong, dict) or "applicant_email" not in wrong:
        return None
    return (
        f"The vault does not take {email} as a recipient ({wrong['applicant_email']}). Set {EMAIL} "
        f"to an address of yours; unlike one at {NOWHERE} it may be sent mails."
    )


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _kind(answer: httpx.Response) -> str:
    return answer.headers.get("Content-Type", "of no kind")

"""No log names a person: canaries planted through a whole run of a vault, and looked for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from runtime.embedded import LOOPBACK
from tests.polling import eventually
from tests.ports import free_port
from tests.vault import samples
from tests.vault.cli.installation import certvault, served
from tests.vault.webhooks.receiver import receiver
from vault.addresses import API

NAME = "Quetzalcoatlus Canary"
EMAIL = "zwitscher@canary.example"
LATER = "vogel@canary.example"
DETAILS = "Feathers-of-gold"
REASON = "Misspelt-plumage"
FILE = "wingspan.pdf"
#: Nothing of these may stand in a log. Those of the mails and the token come in addition.
CANARIES = ("Quetzalcoatlus", "zwitscher", "vogel@", "canary.example", DETAILS, REASON, "wingspan")

BROWSER = {"Accept": "text/html"}


class Run:
    """One vault, used by everybody in every way there is."""

    def __init__(self, data: Path, url: str, token: str) -> None:
        self.data = data
        self.url = url
        self.secrets = [token]
        self.api = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"})
        self.browser = httpx.Client(base_url=url, headers=BROWSER)

    def close(self) -> None:
        self.api.close()
        self.browser.close()

    def upload(self, title: str, **fields: str) -> str:
        entry = {
            "certificate_title": title,
            "full_name": NAME,
            "applicant_email": EMAIL,
            "details": DETAILS,
            **fields,
        }
        file = {"certificate_file": (FILE, samples.pdf(title))}
        answer = self.api.post(API, data=entry, files=file).json()
        data = answer.get("data", {})
        if "reference_id" in data:  # the key to a page with the holder's name
            self.secrets.append(data["reference_id"])
        return str(data.get("uuid", ""))

    def generated(self, uuid: str) -> bool:
        found = self.api.get(f"{API}/{uuid}").json()["data"]["status"]["value"]
        return bool(found == "generated")

    def link(self, what: str, to: str) -> str:
        """The newest mailed link; what it holds is a secret from now on."""

        token = eventually(lambda: self.mailed(what, to))[-1]
        self.secrets.append(token)
        return f"{what}/{token}"

    def mailed(self, what: str, to: str) -> list[str]:
        """All mailed links of one kind, the newest last."""
        mails = [
            path.read_text()
            for path in sorted((self.data / "mail").glob("*.eml"), key=os.path.getmtime)
        ]
        return [
            token
            for mail in mails
            if f"To: {to}" in mail
            for token in re.findall(rf"{what}/([\w.-]{{40,}})", mail.replace("=\n", ""))
        ]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    data, port = tmp_path / "data", free_port()
    with served(
        data, "--port", str(port), "--institution", "ABC", VAULT_ALLOWED_PRIVATE_HOSTS=LOOPBACK
    ) as line:
        made = Run(data, line["vault"], line["token"])
        yield made
        made.close()


def use_the_api(run: Run) -> None:
    first, second, third = (run.upload(title) for title in ("First", "Second", "Third"))
    eventually(lambda: all(map(run.generated, (first, second, third))), within=60)
    # A mail on its way while its certificate is erased would stay, its link dead, until the sweep.
    eventually(lambda: len(set(run.mailed("/my/link", EMAIL))) == 3)
    run.upload("First")  # a duplicate
    run.upload("Fourth", applicant_email=f"{EMAIL} {NAME}", issue_date=NAME)
    run.api.get(API, params={"search": NAME, "applicant_email": EMAIL, "status": NAME})
    run.api.get(f"{API}/{NAME}")
    run.api.post(API, content=NAME.encode(), headers={"Content-Type": "application/json"})
    run.api.post(API, data={"full_name": NAME}, files={"certificate_file": (FILE, b"%PDF-bad")})
    entry = {"certificate_title": "Bulk", "full_name": NAME, "applicant_email": EMAIL}
    run.api.post(f"{API}/bulk", json={"entries": [{**entry, "file_id": NAME}]})
    run.api.post(f"{API}/upload-file", files={"file": (FILE, samples.pdf())})
    run.api.post(f"{API}/{first}/revoke", json={"reason": REASON, "replaced_by": second})
    run.api.post(f"{API}/{third}/erase")
    run.api.get(API, headers={"Authorization": f"Bearer {NAME}", "X-Request-Id": NAME})


def use_the_pages(run: Run) -> None:
    holder = run.link("/holder", EMAIL)
    claim = run.link("/my/link", EMAIL)
    run.browser.get(holder)
    run.browser.get(f"{holder}/certificate.pdf")
    run.browser.post(claim)
    page = run.browser.get("/my").text
    form = re.findall(r'name="form" value="(.*?)"', page)[0]
    run.secrets += [form, run.browser.cookies["vault-session"]]
    run.browser.post("/my/emails", data={"form": form, "email": LATER})
    run.browser.post(run.link("/my/link", LATER))
    run.browser.post("/my/emails/main", data={"form": form, "email": LATER})
    run.browser.post("/my/sign-in", data={"email": f"{NAME} {EMAIL}"})
    run.browser.post("/my/sign-in", data={"email": "sign-in@canary.example"})
    run.browser.get("/verify", params={"reference_id": NAME})
    run.browser.get(f"/verify/{NAME}")
    run.browser.get(f"/my/{NAME}")
    run.browser.post("/verify/file", files={"certificate": (FILE, NAME.encode())})
    run.browser.post("/my/delete", data={"form": form})


def test_no_log_names_a_person_or_holds_a_secret(run: Run, tmp_path: Path) -> None:
    with receiver() as there, receiver() as refusing:
        refusing.statuses = [500]
        refusing.answer = f"{NAME} {EMAIL}".encode()
        for each in (there, refusing):
            made = certvault("webhook", "add", each.url, "--institution", "ABC", "--data", run.data)
            run.secrets.append(made.split("\t")[1].strip())
        use_the_api(run)
        use_the_pages(run)
        eventually(lambda: "revoked" in there.events() and len(refusing.received) > 1)
    log = (tmp_path / "serve.log").read_text()

    assert "webhook_sent" in log  # the run is in there at all
    assert '"route": "/my/link/<token>"' in log
    for canary in (*CANARIES, *run.secrets):
        assert canary not in log
    kept = [line for line in log.splitlines() if '"level": "error"' in line]
    assert [] == kept

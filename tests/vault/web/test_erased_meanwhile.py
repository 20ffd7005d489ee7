"""Downloads of what is erased between the look at its record and the look at its file."""

from __future__ import annotations

import dataclasses
from contextlib import suppress

import httpx
import pytest

from tests.vault.web.test_people import Mailbox, browser_of, sign_in
from tests.vault.world import World, upload
from vault.addresses import API
from vault.files import Files
from vault.store.withdrawal import AlreadyErased
from vault.web.app import create_app


class Late(Files):
    """A folder that is asked only after somebody erased a certificate."""

    def __init__(self, world: World, uuid: str) -> None:
        super().__init__(world.vault.files.folder)
        self._world = world
        self._uuid = uuid

    def read(self, sha256: str) -> bytes:
        institution_id = self._world.row(self._uuid).institution_id
        with suppress(AlreadyErased):
            self._world.vault.withdrawal.erase(self._uuid, institution_id=institution_id)
        return super().read(sha256)


@pytest.mark.parametrize("who", ["institution", "holder", "customer"])
def test_it_is_answered_as_what_was_erased(world: World, who: str) -> None:
    mailbox = Mailbox(world)
    token = world.token(world.institution("ABC University"))
    with world.client(token) as client:
        data = upload(client).json()["data"]
    world.process()
    holder, browser = mailbox.link("/holder/"), browser_of(world)
    sign_in(browser, mailbox)
    world.app = create_app(dataclasses.replace(world.vault, files=Late(world, data["uuid"])))

    def ask(asking: httpx.Client, path: str) -> tuple[int, str]:
        with world.client(None) as new:
            new.headers, new.cookies = asking.headers, asking.cookies
            answer = new.get(path)
        return answer.status_code, answer.headers.get("Location") or answer.text

    asked = {
        "institution": lambda: ask(client, f"{API}/{data['uuid']}/download"),
        "holder": lambda: ask(browser, f"{holder}/certificate.pdf"),
        "customer": lambda: ask(browser, f"/my/certificates/{data['uuid']}/certificate.pdf"),
    }
    status, told = asked[who]()

    expected = {
        "institution": (404, "The holder's data has been erased."),
        "holder": (302, f"/verify/{data['reference_id']}"),
        "customer": (404, "There is no such certificate in your account"),
    }
    assert expected[who][0] == status
    assert expected[who][1] in told

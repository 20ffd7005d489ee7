"""Bodies that are too large, on the real server: cut off before they are read."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx

from tests.vault import samples
from tests.vault.world import World, upload
from vault.addresses import API
from vault.kinds import LARGEST_FILE

TOO_LARGE = {
    "message": "The request is larger than the vault takes. A certificate file may have 20 MB."
}


def test_a_body_far_over_is_answered_before_it_is_sent(world: World, served: int) -> None:
    token = world.token(world.institution("ABC University"))
    head = (
        f"POST {API} HTTP/1.1\r\nHost: vault\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 999999999999\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", served), timeout=10) as connection:
        connection.sendall(head.encode())  # and not one byte of the body
        with connection.makefile("rb") as answer:
            status = answer.readline()

    assert b"HTTP/1.1 413 " in status


def test_a_chunked_body_is_cut_off_at_the_same_limit(world: World, served: int) -> None:
    token = world.token(world.institution("ABC University"))
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b"--x\r\nContent-Disposition: form-data; "
        yield b'name="certificate_file"; filename="a"\r\n\r\n'
        while sent < 10 * LARGEST_FILE:
            sent += 1024 * 1024
            yield b"a" * 1024 * 1024

    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "multipart/form-data; boundary=x",
    }
    try:
        answer = httpx.post(
            f"http://127.0.0.1:{served}{API}", content=endless(), headers=headers, timeout=20
        )
    except httpx.WriteError:
        pass  # the server hung up, which also is an answer
    else:
        assert (413, TOO_LARGE) == (answer.status_code, answer.json())
    assert sent < 3 * LARGEST_FILE


def test_the_largest_file_passes_through_the_real_server(world: World, served: int) -> None:
    token = world.token(world.institution("ABC University"))
    whole = samples.pdf()
    content = whole + b" " * (LARGEST_FILE - len(whole))
    base = f"http://127.0.0.1:{served}"
    with httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}) as client:
        assert 201 == upload(client, file=content, details="x" * 1000).status_code
        over = upload(client, file=content + b" ", certificate_title="Other")
        assert (422, ["certificate_file"]) == (over.status_code, list(over.json()["errors"]))


def test_too_many_parts_are_refused(client: httpx.Client) -> None:
    answer = client.post(API, files=[("f", (None, b"x"))] * 1001)

    assert (413, TOO_LARGE) == (answer.status_code, answer.json())


def test_a_field_of_a_files_size_is_refused(client: httpx.Client) -> None:
    answer = client.post(API, files={"details": (None, b"x" * 2_000_000)})

    assert (413, TOO_LARGE) == (answer.status_code, answer.json())

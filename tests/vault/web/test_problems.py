"""Every answer that is not a success is JSON, in the vendor's shapes, and carries a request id."""

from __future__ import annotations

import re
from uuid import UUID

import httpx
import pytest

from runtime.child import Busy, NotStarted
from runtime.database import RolledBack
from tests.vault.world import World
from vault.addresses import API
from vault.web.problems import Problem

UNSUPPORTED = "The {} method is not supported for route {}. Supported methods:"
NOBODYS = "9e7860f0-05d1-4fd0-b3e0-e98e19f1cf15"
VIEW = f"{API[1:]}/{NOBODYS}"
RETRY = f"{VIEW}/retry"


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/", 404, "The route  could not be found."),
        ("GET", "/business", 404, "The route business could not be found."),
        ("POST", f"{API}/bulks", 404, f"The route {API[1:]}/bulks could not be found."),
        ("GET", f"{API}/not-a-uuid", 404, f"The route {API[1:]}/not-a-uuid could not be found."),
        ("GET", f"{API}/%00", 404, f"The route {API[1:]}/\x00 could not be found."),
        ("GET", "/a%7B0%7D", 404, "The route a{0} could not be found."),
        ("GET", f"/business/{API[9:]}", 404, f"The route business/{API[9:]} could not be found."),
        ("GET", f"{API}//", 404, f"The route {API[1:]}// could not be found."),
        ("DELETE", API, 405, f"{UNSUPPORTED.format('DELETE', API[1:])} GET, HEAD, POST."),
        ("PUT", f"{API}/", 405, f"{UNSUPPORTED.format('PUT', API[1:] + '/')} GET, HEAD, POST."),
        ("GET", f"{API}/bulk", 405, f"{UNSUPPORTED.format('GET', API[1:] + '/bulk')} POST."),
        ("POST", f"{API}/{NOBODYS}", 405, f"{UNSUPPORTED.format('POST', VIEW)} GET, HEAD."),
        ("PUT", f"{API}/{NOBODYS}/retry", 405, f"{UNSUPPORTED.format('PUT', RETRY)} POST."),
    ],
)
def test_what_is_not_there_is_told_as_json(
    client: httpx.Client, method: str, path: str, status: int, message: str
) -> None:
    answer = client.request(method, path)

    assert (status, {"message": message}) == (
        answer.status_code,
        answer.json(),
    )


@pytest.mark.parametrize("path", ["", "/bulk", "/upload-file", f"/{NOBODYS}", f"/{NOBODYS}/retry"])
def test_a_slash_at_the_end_changes_nothing(client: httpx.Client, path: str) -> None:
    def asked(method: str, end: str) -> tuple[int, str]:
        answer = client.request(method, f"{API}{path}{end}")
        return answer.status_code, answer.text.replace("/ could", " could").replace("/.", ".")

    for method in ("GET", "POST", "DELETE"):
        assert asked(method, "") == asked(method, "/")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", ""])
def test_whatever_is_accepted_the_answer_is_json(client: httpx.Client, accept: str) -> None:
    for path, status in ((API, 200), (f"{API}/{NOBODYS}", 404), (f"{API}/x", 404)):
        answer = client.get(path, headers={"Accept": accept})

        assert (status, "application/json") == (answer.status_code, answer.headers["Content-Type"])


def test_a_405_says_what_is_allowed(client: httpx.Client) -> None:
    allowed = client.delete(API).headers["Allow"]

    assert {"GET", "HEAD", "OPTIONS", "POST"} == set(allowed.split(", "))


def test_every_answer_carries_a_request_id(world: World, client: httpx.Client) -> None:
    paths = [API, "/nothing", "/health/live", "/verify", "/verify/static/verify.css"]
    with world.client("vault_wrong") as stranger, world.client(world.token(1, set())) as nobody:
        refused = [
            stranger.get(API),
            nobody.get(API),
            client.delete(API),
            client.post(API, content=b"", headers={"Content-Length": "99999999"}),
            client.post(API),
        ]

    assert [401, 403, 405, 413, 422] == [answer.status_code for answer in refused]
    answers = [*refused, *(client.get(path) for path in paths)]
    assert len(answers) == len({UUID(answer.headers["X-Request-Id"]) for answer in answers})


def test_a_sane_request_id_of_the_senders_is_kept_and_another_is_not(
    client: httpx.Client,
) -> None:
    def sent(request_id: str) -> str:
        answered: str = client.get(API, headers={"X-Request-Id": request_id}).headers[
            "X-Request-Id"
        ]
        return answered

    assert "abc-123.DEF:9" == sent("abc-123.DEF:9")
    for odd in ("short", "x" * 129, "a b c d e f", "<script>alert</script>"):
        assert re.fullmatch(r"[0-9a-f-]{36}", sent(odd))


def test_our_own_mistake_is_a_server_error_without_details(world: World) -> None:
    def broken() -> str:
        raise ZeroDivisionError("secret detail")

    world.app.add_url_rule("/broken", view_func=broken)
    with world.client(None) as client:
        answer = client.get("/broken")

    assert 500 == answer.status_code
    assert {
        "message": "Server error. Nothing was changed; tell the vault's operator the X-Request-Id.",
        "error_code": "SERVER_ERROR",
    } == answer.json()
    assert answer.headers["X-Request-Id"]


def test_a_database_that_is_away_is_told_with_when_to_come_again(
    world: World, client: httpx.Client
) -> None:
    with world.vault.database.write() as conn:
        conn.exec_driver_sql("ALTER TABLE token RENAME TO gone")
    answer = client.get(API)

    assert (503, "5") == (answer.status_code, answer.headers["Retry-After"])
    assert "SERVER_ERROR" == answer.json()["error_code"]


def test_a_problem_may_carry_any_status_and_headers(world: World) -> None:
    def busy() -> str:
        raise Problem(429, "Too Many Attempts.", headers={"Retry-After": "7"})

    world.app.add_url_rule("/busy", view_func=busy)
    with world.client(None) as client:
        answer = client.get("/busy")

    assert (429, {"message": "Too Many Attempts."}, "7") == (
        answer.status_code,
        answer.json(),
        answer.headers["Retry-After"],
    )


@pytest.mark.parametrize("why", [Busy(), NotStarted("no process"), RolledBack("disk full")])
def test_what_passes_is_told_with_when_to_come_again(world: World, why: Exception) -> None:
    def full() -> str:
        raise why

    world.app.add_url_rule("/full", view_func=full)
    with world.client(None) as client:
        answer = client.get("/full")

    assert (503, "5", "SERVER_ERROR") == (
        answer.status_code,
        answer.headers["Retry-After"],
        answer.json()["error_code"],
    )


NAMELESS = b"--x\r\nContent-Disposition: form-data\r\n\r\n{}\r\n--x--"


@pytest.mark.parametrize("path", [API, f"{API}/bulk"])
def test_a_part_without_a_name_is_no_field(client: httpx.Client, path: str) -> None:
    answer = client.post(
        path, content=NAMELESS, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )

    assert 422 == answer.status_code


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"--x\r\nnonsense", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data"),
        (b"{}", "application/json"),
        (b"\xff\xfe=%FF&full_name=%80", "application/x-www-form-urlencoded"),
        (
            b"--x\r\nContent-Disposition: form-data; name=full_name\r\n\r\n\xff\xfe\r\n--x--",
            "multipart/form-data; boundary=x",
        ),
    ],
)
def test_a_malformed_body_lacks_its_fields(client: httpx.Client, body: bytes, kind: str) -> None:
    answer = client.post(API, content=body, headers={"Content-Type": kind})

    assert 422 == answer.status_code
    assert ["The certificate title field is required."] == (
        answer.json()["errors"]["certificate_title"]
    )

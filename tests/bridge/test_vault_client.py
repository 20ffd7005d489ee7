"""What each answer of a vault means: rule d of exactly-once, as a table; and what is read of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from bridge import vault_client
from bridge.vault_client import (
    Accepted,
    Ambiguous,
    CannotRevoke,
    Duplicate,
    Entry,
    Forbidden,
    NotDone,
    NotPermitted,
    NotReady,
    Refused,
    Unauthorised,
    Unavailable,
    VaultClient,
)
from runtime.http import AddressRefused, Client
from tests.bridge.world import Clock
from tests.scripted_vault import (
    DUPLICATE,
    PERMISSIONS,
    TOKEN,
    VERIFIED_PDF,
    ScriptedVault,
    answers,
    lost_reply,
)

ENTRY = Entry(
    certificate_title="Marine Biology",
    full_name="Ada Lovelace",
    applicant_email="ada@learners.example",
    issue_date="2026-11-23",
    details="Ref 0a1b2c3d",
    content=b"%PDF-1.7",
)
GIVEN = {
    "uuid": "u-1",
    "reference_id": "VEC-IC-1",
    "certificate_title": "Marine Biology",
    "full_name": "Ada Lovelace",
    "applicant_email": "ada@learners.example",
    "status": {"value": "processing", "label": "Processing"},
}


def client_of(handler: Callable[[httpx.Request], httpx.Response]) -> VaultClient:
    return VaultClient(
        "https://vault.example/", "t", http=httpx.Client(transport=httpx.MockTransport(handler))
    )


def answering(status: int, **answer: object) -> VaultClient:
    return client_of(lambda _request: httpx.Response(status, **answer))  # type: ignore[arg-type]


def raising(exc: Exception) -> VaultClient:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise exc

    return client_of(handler)


@pytest.fixture
def client(vault: ScriptedVault) -> Iterator[VaultClient]:
    with Client(allowed=["127.0.0.1"], deadline=timedelta(seconds=20)) as http:
        yield VaultClient(vault.url, TOKEN, http=http)


@pytest.mark.parametrize(
    ("exc", "expected"),
    [
        (httpx.ConnectError("refused"), NotDone),
        (httpx.ConnectTimeout("slow"), NotDone),
        (httpx.PoolTimeout("busy"), NotDone),
        (httpx.UnsupportedProtocol("no scheme"), NotDone),
        (AddressRefused("private"), NotDone),
        (httpx.WriteTimeout("cut"), Ambiguous),
        (httpx.WriteError("cut"), Ambiguous),
        (httpx.ReadTimeout("silent"), Ambiguous),
        (httpx.ReadError("reset"), Ambiguous),
        (httpx.CloseError("cut"), Ambiguous),
        (httpx.RemoteProtocolError("no answer"), Ambiguous),
        (httpx.LocalProtocolError("short body"), Ambiguous),
        (httpx.ProxyError("gone"), Ambiguous),
        (httpx.DecodingError("no gzip"), Ambiguous),
        (httpx.TooManyRedirects("round"), Ambiguous),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_only_what_surely_was_not_sent_may_be_sent_again(
    exc: Exception, expected: type[object]
) -> None:
    assert expected is type(raising(exc).upload(ENTRY))


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        (201, {"json": {"data": GIVEN}}, Accepted),
        (200, {"json": {"data": GIVEN}}, Accepted),
        (201, {"text": "<html>"}, Ambiguous),
        (201, {"json": {"data": None}}, Ambiguous),
        (201, {"json": {"message": "ok"}}, Ambiguous),
        (201, {"json": []}, Ambiguous),
        (202, {"json": {}}, Ambiguous),
        (204, {}, Ambiguous),
        (302, {"headers": {"location": "/login"}}, Ambiguous),
        (408, {}, Ambiguous),
        (425, {}, Ambiguous),
        (500, {"json": {"message": "oops", "error_code": "SERVER_ERROR"}}, Ambiguous),
        (502, {"text": "<html>Bad Gateway</html>"}, Ambiguous),
        (503, {"headers": {"retry-after": "5"}}, Ambiguous),
        (504, {}, Ambiguous),
        (429, {}, NotDone),
        (404, {"text": "<html>Not Found</html>"}, NotDone),
        (405, {}, NotDone),
        (401, {"json": {"message": "Unauthorized - Invalid API token"}}, Unauthorised),
        (403, {"json": {"message": "Forbidden"}}, Unauthorised),
        (422, {"json": {"message": DUPLICATE}}, Duplicate),
        (422, {"json": {"message": "already there", "errors": {}}}, Duplicate),
        (422, {"json": {"message": "no", "errors": {"full_name": ["too long"]}}}, Refused),
        (422, {"text": "<html>"}, Refused),
        (413, {"text": "<html>Request Entity Too Large</html>"}, Refused),
        (400, {"json": {"message": "Only failed certificates can be retried."}}, Refused),
        (415, {}, Refused),
    ],
)
def test_each_status_is_classified(
    status: int, answer: dict[str, object], expected: type[object]
) -> None:
    assert expected is type(answering(status, **answer).upload(ENTRY))


def test_of_all_statuses_few_say_that_nothing_was_done() -> None:
    """Of the others each is a refusal or leaves it open: neither is sent again as it is."""
    meant: dict[type[object], set[int]] = defaultdict(set)
    for status in range(200, 600):
        meant[type(answering(status, json={"errors": {"x": ["no"]}}).upload(ENTRY))].add(status)

    assert {404, 405, 410, 429} == meant.pop(NotDone)
    assert {401, 403} == meant.pop(Unauthorised)
    assert {408, 425} == {status for status in meant[Ambiguous] if 400 <= status < 500}
    assert {*range(200, 400), *range(500, 600)} <= meant.pop(Ambiguous)
    assert {Refused} == meant.keys()


def test_the_wait_that_a_vault_asks_for_is_read_as_seconds_or_as_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(hours=20), usegmt=True)
    given = {
        "30": 30,
        "86400": 86400,
        "86401": 86400,
        "-1": None,
        "soon": None,
        "9" * 400: None,
        "": None,
    }

    waits = {
        text: answering(429, headers={"retry-after": text}).upload(ENTRY).retry_after
        for text in given
    }
    dated = answering(429, headers={"retry-after": soon}).upload(ENTRY)

    seconds = {text: None if s is None else timedelta(seconds=s) for text, s in given.items()}
    assert seconds == waits
    assert isinstance(dated, NotDone)
    assert dated.retry_after is not None
    assert timedelta(hours=19) < dated.retry_after <= timedelta(hours=20)


def test_a_refusal_names_each_field_and_a_missing_permission_is_named_with_what_to_do() -> None:
    fields = {"full_name": ["is too long."], "details": ["is odd.", "is empty."]}
    refused = answering(422, json={"message": "no", "errors": fields}).upload(ENTRY)
    bulk = {"message": "Some file_ids could not be resolved", "errors": ["Entry 0: not found"]}
    listed = answering(422, json=bulk).upload(ENTRY)
    permission = {"message": "Forbidden", "required_permission": "certificate-vault:create"}
    denied = answering(403, json=permission).upload(ENTRY)

    assert (
        Refused(
            message="full_name: is too long.; details: is odd. is empty.",
            status_code=422,
            field="full_name",
        )
        == refused
    )
    assert (
        Refused(message="Some file_ids could not be resolved; Entry 0: not found", status_code=422)
        == listed
    )
    assert (
        Unauthorised(
            message="Forbidden",
            remedy="Give the token the permission certificate-vault:create, "
            "then `vaultbridge issuer rotate`.",
            status_code=403,
        )
        == denied
    )


def test_an_upload_carries_the_whole_entry_and_the_file(
    vault: ScriptedVault, client: VaultClient
) -> None:
    answer = client.upload(ENTRY)

    kept = vault.only
    assert isinstance(answer, Accepted)
    assert kept.uuid == answer.certificate.uuid
    told = (kept.title, kept.name, kept.email, kept.issue_date, kept.details, kept.content)
    assert (
        ENTRY.certificate_title,
        ENTRY.full_name,
        ENTRY.applicant_email,
        ENTRY.issue_date,
        ENTRY.details,
        ENTRY.content,
    ) == told


def test_an_act_is_never_repeated_by_itself(vault: ScriptedVault, client: VaultClient) -> None:
    vault.then("upload", lost_reply)

    answer = client.upload(ENTRY)

    assert Ambiguous is type(answer)
    assert 1 == vault.calls["upload"]


def test_the_list_is_read_page_by_page_for_one_address(
    vault: ScriptedVault, client: VaultClient, clock: Clock
) -> None:
    vault.largest_page = 2
    for number in range(5):
        vault.put(title=f"T{number}", name="Ada", email="ada@learners.example", issue_date=None)
        clock.forward(timedelta(seconds=1))
    vault.put(title="other", name="Bob", email="bob@learners.example", issue_date=None)

    pages = [client.page(number, email="ADA@learners.example") for number in (1, 2, 3)]

    assert [(["T4", "T3"], True), (["T2", "T1"], True), (["T0"], False)] == [
        ([c.certificate_title for c in found], more) for found, more in pages
    ]


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ({"meta": {"last_page": 2}}, True),
        ({"meta": {"last_page": 1}, "links": {"next": "…"}}, False),
        ({"links": {"next": "https://vault.example/?page=2"}}, True),
        ({"links": {"next": None}, "meta": {"current_page": 1}}, False),
        ({"meta": None}, False),
        ({}, False),
    ],
)
def test_more_pages_are_told_by_the_last_page_or_by_the_next_link(
    rest: dict[str, object], expected: bool
) -> None:
    assert ([], expected) == answering(200, json={"data": [], **rest}).page(1)


def test_a_certificate_is_read_whatever_optional_keys_are_missing_or_unknown() -> None:
    bare = {"uuid": 7, "status": "reticulating", "surprise": {"a": 1}, "applicant_email": None}

    found = answering(200, json={"data": bare}).view("7")

    assert (
        vault_client.VaultCertificate(
            uuid="7",
            reference_id=None,
            certificate_title="",
            full_name="",
            applicant_email="",
            issue_date=None,
            status="reticulating",
            status_label="reticulating",
            source=None,
            details=None,
            created_at=None,
            verification_url=None,
            reason=None,
        )
        == found
    )


def test_a_moment_and_a_date_are_read_as_the_vendor_writes_them() -> None:
    given = {
        **GIVEN,
        "issue_date": "2026-11-23T00:00:00.000000Z",
        "created_at": "2026-11-23T12:00:00.123456Z",
        "source": {"value": "vault", "label": "Vault"},
        "rejection_reason": "blurred",
    }

    found = answering(200, json={"data": given}).view("u-1")

    assert found is not None
    assert ("2026-11-23", "vault", "blurred") == (found.issue_date, found.source, found.reason)
    assert datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC) == found.created_at


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        (200, {"text": "<html>maintenance</html>"}, Unavailable),
        (200, {"json": []}, Unavailable),
        (200, {"json": {"data": [{"no": "uuid"}]}}, Unavailable),
        (404, {}, Unavailable),
        (500, {}, Unavailable),
        (429, {"headers": {"retry-after": "7"}}, Unavailable),
        (401, {}, Forbidden),
        (403, {}, Forbidden),
    ],
)
def test_a_question_is_answered_or_has_no_answer_now(
    status: int, answer: dict[str, object], expected: type[Exception]
) -> None:
    with pytest.raises(expected) as raised:
        answering(status, **answer).page(1)

    if status == 429:
        assert timedelta(seconds=7) == raised.value.retry_after


@pytest.mark.parametrize("exc", [httpx.ConnectError("no"), AddressRefused("private")])
def test_a_vault_that_cannot_be_reached_has_no_answer_now(exc: Exception) -> None:
    client = raising(exc)

    with pytest.raises(Unavailable):
        client.page(1)
    with pytest.raises(Unavailable):
        client.view("u-1")
    with pytest.raises(Unavailable):
        list(client.probe())
    with pytest.raises(Unavailable), client.download("u-1"):
        pass


def test_a_certificate_that_the_vault_does_not_know_is_none() -> None:
    assert answering(404, json={"message": "Certificate not found"}).view("u-1") is None


def test_the_verified_file_is_streamed_and_not_ready_is_no_error(
    vault: ScriptedVault, client: VaultClient
) -> None:
    client.upload(ENTRY)
    uuid = vault.only.uuid

    with pytest.raises(NotReady), client.download(uuid):
        pass
    vault.finish()
    with client.download(uuid) as response:
        assert VERIFIED_PDF == response.read()
    vault.tokens[TOKEN] = PERMISSIONS - {"certificate-vault:download"}
    with pytest.raises(Forbidden), client.download(uuid):
        pass


def test_the_probe_tries_each_permission_and_changes_nothing(
    vault: ScriptedVault, client: VaultClient
) -> None:
    vault.tokens[TOKEN] = frozenset({"certificate-vault:list", "certificate-vault:create"})

    found = {permission.name: permission.ok for permission in client.probe()}

    assert {
        "certificate-vault:list": True,
        "certificate-vault:view": False,
        "certificate-vault:create": True,
        "certificate-vault:download": False,
        "certificate-vault:update": False,
    } == found
    assert {} == vault.kept


def test_the_probe_says_nothing_of_permissions_while_the_vault_is_ill(
    vault: ScriptedVault, client: VaultClient
) -> None:
    vault.then("list", answers(502, "<html>"))

    with pytest.raises(Unavailable, match="502"):
        list(client.probe())


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        (200, {"json": {"data": GIVEN}}, Accepted),
        (200, {"text": "<html>"}, Ambiguous),
        (404, {}, CannotRevoke),
        (405, {}, CannotRevoke),
        (410, {}, CannotRevoke),
        (501, {}, CannotRevoke),
        (401, {}, Unauthorised),
        (403, {"json": {"required_permission": "certificate-vault:revoke"}}, NotPermitted),
        (422, {"json": {"message": "No.", "errors": {"replaced_by": ["No."]}}}, Refused),
        (400, {}, Refused),
        (429, {}, NotDone),
        (302, {}, Ambiguous),
        (503, {}, Ambiguous),
    ],
)
def test_each_answer_to_a_revocation_is_classified(
    status: int, answer: dict[str, object], expected: type[object]
) -> None:
    found = answering(status, **answer).revoke("u-1", reason="wrong", replaced_by=None)

    assert expected is type(found)
    if isinstance(found, NotPermitted):
        assert "certificate-vault:revoke" in found.remedy


def test_a_revocation_says_why_and_names_the_replacement_once_there_is_one(
    vault: ScriptedVault, client: VaultClient
) -> None:
    vault.revokes = True
    client.upload(ENTRY)
    uuid = vault.only.uuid
    for name in (None, "another"):
        assert isinstance(client.revoke(uuid, reason="wrong", replaced_by=name), Accepted)

    assert [("wrong", None), ("wrong", "another")] == vault.revoked[uuid]
    assert "revoked" == vault.only.status


@pytest.mark.parametrize("able", [True, False])
def test_a_vault_says_whether_it_can_revoke_and_nothing_is_changed(
    vault: ScriptedVault, client: VaultClient, able: bool
) -> None:
    vault.revokes = able
    client.upload(ENTRY)

    assert client.can_revoke() is able
    assert "processing" == vault.only.status


@pytest.mark.parametrize(
    ("status", "expected"),
    [(401, Forbidden), (403, Forbidden), (500, Unavailable), (429, Unavailable)],
)
def test_a_vault_that_does_not_say_whether_it_can_revoke_is_asked_later(
    status: int, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        answering(status).can_revoke()

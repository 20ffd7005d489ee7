"""What is told when: event rows are made with the change, and never without it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.vault import samples
from tests.vault.webhooks.conftest import Office
from tests.vault.webhooks.receiver import Receiver
from tests.vault.world import ENTRY
from vault.addresses import API
from vault.store import withdrawal
from vault.webhooks.events import Event, UnknownEvent, parse_events

PREFIX = "certificate_application."


def told(there: Receiver, event: str) -> dict[str, Any]:
    """The one body that tells this event; its time is only checked to be one."""
    (body,) = [one.json for one in there.received if one.json["event"] == PREFIX + event]
    assert "Z" == body["timestamp"][-1]
    assert datetime.now(UTC) >= datetime.fromisoformat(body.pop("timestamp"))
    return body


def test_an_upload_is_told_from_its_creation_to_its_approval(
    each_office: Office, there: Receiver
) -> None:
    office = each_office
    endpoint_id = office.endpoint(there.url)
    uuid = office.upload()
    office.process()
    office.send()

    row = office.certificate(uuid)
    same = {
        "webhook_id": endpoint_id,
        "application_id": row.id,
        "uuid": uuid,
        "certificate_title": "Certificate of Achievement",
        "applicant_email": "john@example.com",
    }
    assert {"approved", "created", "processing"} == set(there.events())
    assert 3 == len(there.received)
    assert {
        "event": PREFIX + "created",
        **same,
        "source": "vault",
        "trigger_context": "single_upload",
    } == told(there, "created")
    assert {"event": PREFIX + "processing", **same} == told(there, "processing")
    assert {"event": PREFIX + "approved", **same, "reference_id": row.reference_id} == told(
        there, "approved"
    )
    assert ["delivered"] * 3 == [one.state for one in office.deliveries()]


def test_whatever_is_told_is_rung_for(office: Office, there: Receiver) -> None:
    office.endpoint(there.url)
    rung = office.world.rung
    uuid = office.upload()
    file = {"file": ("c.pdf", samples.pdf())}
    file_id = office.api.post(f"{API}/upload-file", files=file).json()["data"]["file_id"]
    entry = {**ENTRY, "certificate_title": "Another", "file_id": file_id}
    after_each = [tuple(rung)]
    calls: list[tuple[str, dict[str, Any]]] = [
        ("bulk", {"entries": [entry]}),
        (f"{uuid}/retry", {}),
        (f"{uuid}/revoke", {"reason": "Issued by mistake"}),
        (f"{uuid}/revoke", {"reason": "Issued to somebody else"}),
    ]
    for path, body in calls:
        office.world.set(uuid, status="failed")
        rung.clear()
        assert office.api.post(f"{API}/{path}", json=body).is_success
        after_each.append(tuple(rung))

    both = ("process", "deliver")
    assert [both, both, both, ("deliver",), ()] == after_each


def test_a_failure_is_told_with_its_reason_and_its_retry(office: Office, there: Receiver) -> None:
    office.endpoint(there.url, Event.FAILED, Event.RETRIED)
    uuid = office.upload()
    for path in [p for p in office.world.vault.files.folder.rglob("*") if p.is_file()]:
        path.unlink()
    office.process()
    assert 200 == office.api.post(f"{API}/{uuid}/retry").status_code
    office.catch_up()
    office.send()

    assert {"failed", "retried"} == set(there.events())
    assert "is missing. Restore it from a backup" in told(there, "failed")["reason"]
    assert "reason" not in told(there, "retried")


def test_a_bulk_upload_is_told_once_for_each_entry(each_office: Office, there: Receiver) -> None:
    office = each_office
    office.endpoint(there.url, Event.CREATED)
    entries = {}
    for n in range(3):
        file = {"file": ("c.pdf", samples.pdf())}
        file_id = office.api.post(f"{API}/upload-file", files=file).json()["data"]["file_id"]
        entries[f"entries[{n}][certificate_title]"] = f"T{n}"
        entries[f"entries[{n}][full_name]"] = "John Smith"
        entries[f"entries[{n}][applicant_email]"] = "john@example.com"
        entries[f"entries[{n}][file_id]"] = file_id
    answer = office.api.post(f"{API}/bulk", files={k: (None, v) for k, v in entries.items()})
    assert 202 == answer.status_code, answer.text
    office.catch_up()
    office.send()

    assert [("T0", "bulk_upload"), ("T1", "bulk_upload"), ("T2", "bulk_upload")] == sorted(
        (one.json["certificate_title"], one.json["trigger_context"]) for one in there.received
    )


def test_a_revocation_is_told_once(office: Office, there: Receiver) -> None:
    office.endpoint(there.url, Event.REVOKED)
    uuid = office.upload()
    office.process()
    for reason in ("Issued in error", "Issued in error, truly"):
        with office.database.write() as conn:
            withdrawal.revoke(
                conn,
                uuid,
                institution_id=office.institution_id,
                reason=reason,
                replaced_by=None,
                now=office.now,
            )
    office.send()

    assert ["revoked"] == there.events()
    assert ("Issued in error", None) == (
        there.received[0].json["reason"],
        there.received[0].json["replaced_by"],
    )


def test_an_erased_holder_is_told_to_nobody_any_more(office: Office, there: Receiver) -> None:
    there.statuses, there.answer = [500, 204], b"john@example.com is unknown here"
    office.endpoint(there.url, Event.CREATED)
    uuid = office.upload()
    office.send()
    assert ["john@example.com is unknown here"] == [one.excerpt for one in office.attempts()]

    with office.database.write() as conn:
        withdrawal.erase(conn, uuid, institution_id=office.institution_id, now=office.now)
    assert [("erased", "", None)] == [
        (one.state, one.body, one.next_run_at) for one in office.deliveries()
    ]
    assert [(500, None)] == [(one.status, one.excerpt) for one in office.attempts()]


def test_a_holder_erased_while_he_is_told_of_stays_erased(
    each_office: Office, there: Receiver
) -> None:
    office = each_office
    there.statuses, there.answer = [500], b"john@example.com is unknown here"
    there.open.clear()
    office.endpoint(there.url, Event.CREATED)
    uuid = office.upload()
    sender = office.sender()
    sender.run()
    with office.database.write() as conn:
        withdrawal.erase(conn, uuid, institution_id=office.institution_id, now=office.now)
    there.open.set()
    office.send(sender)

    assert [("erased", "", None)] == [
        (one.state, one.body, one.next_run_at) for one in office.deliveries()
    ]
    assert [(500, None)] == [(one.status, one.excerpt) for one in office.attempts()]


def test_what_is_refused_is_not_told(office: Office, there: Receiver) -> None:
    office.endpoint(there.url)
    office.upload()
    assert 422 == office.api.post(API, data={}).status_code
    assert (
        422
        == office.api.post(
            API,
            data={
                "certificate_title": "certificate of achievement".title().replace("Of", "of"),
                "full_name": "J",
                "applicant_email": "JOHN@example.com",
                "issue_date": "2025-06-01",
            },
            files={"certificate_file": ("c.pdf", samples.pdf())},
        ).status_code
    )

    assert ["created", "processing"] == [
        one.event.removeprefix(PREFIX) for one in office.deliveries()
    ]


def test_each_institution_hears_of_its_own_and_each_endpoint_what_it_wants(
    office: Office, there: Receiver, elsewhere: Receiver
) -> None:
    office.endpoint(there.url, Event.CREATED)
    office.endpoint(there.url + "/second", Event.APPROVED)
    other = office.world.institution("Another College")
    office.endpoint(elsewhere.url, institution_id=other)
    office.upload()
    office.process()
    office.send()

    assert [("/vault", "created"), ("/vault/second", "approved")] == sorted(
        (one.path, one.json["event"].removeprefix(PREFIX)) for one in there.received
    )
    assert [] == elsewhere.received


def test_events_are_named_with_or_without_their_prefix() -> None:
    assert frozenset({Event.CREATED, Event.FAILED}) == parse_events(
        ["created", "certificate_application.failed"]
    )
    with pytest.raises(UnknownEvent, match=r"no event 'made'. There are: created, processing, "):
        parse_events(["made"])

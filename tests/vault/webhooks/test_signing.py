"""Signatures, checked by an implementation that shares nothing with ours."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

from tests.vault.webhooks.conftest import Office
from tests.vault.webhooks.receiver import Receiver
from tests.vault.webhooks.standard import verifies
from vault.webhooks.events import Event
from vault.webhooks.signing import headers, new_secret

#: The example with which the implementations of Standard Webhooks are tested.
EXAMPLE = b'{"test": 2432232314}'
EXAMPLE_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_signature_is_that_of_the_known_example() -> None:
    made = headers(
        EXAMPLE,
        secrets=[EXAMPLE_SECRET],
        event="test",
        webhook_id=1,
        delivery_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        now=datetime.fromtimestamp(1614265330, UTC),
    )

    assert "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" == made["webhook-signature"]


def test_a_delivery_carries_both_kinds_of_signature(office: Office, there: Receiver) -> None:
    secret = new_secret()
    endpoint_id = office.endpoint(there.url, Event.CREATED, secrets=(secret,))
    office.upload(full_name="محمد علي", certificate_title="Übung “macht” den Meister")
    office.send()

    (one,) = there.received
    at = office.now.timestamp()
    plain = hmac.new(secret.encode(), one.body, hashlib.sha256).hexdigest()
    assert {
        "content-type": "application/json",
        "x-webhook-signature": plain,
        "x-webhook-event": "certificate_application.created",
        "x-webhook-id": str(endpoint_id),
        "x-webhook-timestamp": "2026-01-01T00:00:00.000000Z",
        "webhook-id": office.deliveries()[0].uuid,
        "webhook-timestamp": "1767225600",
    }.items() <= one.headers.items()
    assert verifies(secret, one.headers, one.body, now=at)
    assert not verifies(new_secret(), one.headers, one.body, now=at)
    assert not verifies(secret, one.headers, one.body + b" ", now=at)
    assert not verifies(secret, one.headers, one.body, now=at + 301)
    assert endpoint_id == one.json["webhook_id"]
    assert "Übung “macht” den Meister".encode() in one.body


def test_while_a_secret_is_exchanged_both_verify(office: Office, there: Receiver) -> None:
    new, old = new_secret(), new_secret()
    office.endpoint(there.url, Event.CREATED, secrets=(new, old))
    office.upload()
    office.send()

    (one,) = there.received
    for secret in (new, old):
        assert verifies(secret, one.headers, one.body, now=office.now.timestamp())
    plain = hmac.new(new.encode(), one.body, hashlib.sha256).hexdigest()
    assert plain == one.headers["x-webhook-signature"]


def test_secrets_are_not_stored_in_the_clear(office: Office) -> None:
    secret = new_secret()
    row = office.found(office.endpoint("https://abc.example.edu/hook", secrets=(secret,)))

    assert secret not in repr(row)
    assert secret[6:] not in repr(row)

"""Proofs: the published vectors, and everything that is none."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from connectors.base import Unverified
from connectors.signatures import (
    require_recent,
    require_standard_webhook,
    require_token,
    signing_key,
)

#: The vector that the libraries of Standard Webhooks test themselves with.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
SENT = datetime.fromtimestamp(1614265330, tz=UTC)
SIGNATURE = HEADERS["webhook-signature"]


def check(*, body: bytes = BODY, now: datetime = SENT, secrets=(SECRET,), **headers: str) -> None:
    given = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
    require_standard_webhook(given, body, secrets=secrets, now=now)


def test_the_published_vector_is_genuine():
    check()


@pytest.mark.parametrize(
    "signatures",
    [
        f"v1,AAAA {SIGNATURE}",
        f"{SIGNATURE} v1,AAAA",
        f"v1a,AAAA {SIGNATURE} ",
        f" {SIGNATURE}",
        f"v1,a,b é v1, {SIGNATURE}",
    ],
)
def test_one_good_signature_among_others_is_enough(signatures):
    check(webhook_signature=signatures)


@pytest.mark.parametrize(
    "signatures",
    [
        "",
        SIGNATURE.removeprefix("v1,"),
        SIGNATURE.replace("v1,", "v2,"),
        SIGNATURE.replace("v1,", "v1a,"),
        SIGNATURE.removesuffix("="),
        SIGNATURE + "=",
        SIGNATURE.swapcase(),
        "v1," + "0" * 64,
    ],
)
def test_what_is_no_signature_is_turned_away(signatures):
    with pytest.raises(Unverified):
        check(webhook_signature=signatures)


def test_id_time_and_body_are_all_signed():
    for changed in (
        {"webhook_id": "msg_other"},
        {"webhook_timestamp": "1614265331"},
        {"body": BODY + b" "},
    ):
        with pytest.raises(Unverified):
            check(**changed)


def test_an_id_is_needed_even_where_its_absence_was_signed():
    message = b".1614265330." + BODY
    mac = hmac.new(signing_key(SECRET), message, hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(mac).decode()

    with pytest.raises(Unverified, match="webhook-id"):
        check(webhook_id="", webhook_signature=signature)


def test_any_live_secret_will_do():
    other = "whsec_" + "A" * 32
    check(secrets=(other, SECRET))
    check(secrets=(SECRET, other))

    with pytest.raises(Unverified):
        check(secrets=(other,))
    with pytest.raises(Unverified):
        check(secrets=())


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_five_minutes_either_way_are_allowed(seconds):
    check(now=SENT + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-301, 301, 86400])
def test_more_is_not(seconds):
    with pytest.raises(Unverified):
        check(now=SENT + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "given", [None, "", "x", "-1", "+1614265330", " 1614265330", "1614265330.0", "9" * 12, "1_0"]
)
def test_a_time_that_is_none_is_turned_away(given):
    with pytest.raises(Unverified):
        require_recent(given, now=SENT)


@pytest.mark.parametrize("given", [None, "", 1, True, [], {}, "é", "\ud800", "secret ", "Secret"])
def test_a_token_that_is_not_the_secret_is_turned_away(given):
    with pytest.raises(Unverified):
        require_token(given, secrets=["secret", "other"])


@pytest.mark.parametrize("given", ["secret", "other", "é"])
def test_a_token_may_be_any_live_secret(given):
    require_token(given, secrets=["secret", "other", "é"])


def test_a_signing_key_is_the_decoded_secret():
    assert len(signing_key(SECRET)) == 24

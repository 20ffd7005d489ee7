"""Which signing secrets are taken."""

from __future__ import annotations

import base64

import marshmallow as ma
import pytest

from connectors.signed.settings import SignedSettings, SignedSettingsSchema

ONE = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TWO = "whsec_" + base64.b64encode(bytes(64)).decode()


def secret_of(length: int) -> str:
    return "whsec_" + base64.b64encode(bytes(length)).decode()


@pytest.mark.parametrize("given", [[ONE, TWO], f"{ONE}\n{TWO}\n"], ids=["list", "lines"])
def test_several_secrets_are_live(given):
    assert SignedSettingsSchema().load({"secrets": given}) == SignedSettings(secrets=(ONE, TWO))


@pytest.mark.parametrize(
    "secret",
    ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_@@@@", secret_of(23), secret_of(65)],
)
def test_what_is_no_signing_secret_is_refused_without_repeating_it(secret):
    with pytest.raises(ma.ValidationError) as caught:
        SignedSettingsSchema().load({"secrets": [secret]})

    assert len(secret) < 10 or secret not in str(caught.value)

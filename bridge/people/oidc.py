"""OpenID Connect, as a client: where the institution's sign-in is, and what it says of somebody.

OpenID Connect Core 1.0, section 3.1 (authorization code), Discovery 1.0, PKCE (RFC 7636), and the
issuer in the answer (RFC 9207). Authlib makes and reads the protocol's messages; they travel by the
guarded client of `runtime.http`.

    SignInFailed            nobody is signed in
    ├── OutOfReach          the institution's sign-in does not answer as it must
    └── NotTrue             what it said did not stand one of the checks
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import joserfc.errors
from authlib.oauth2 import OAuth2Client, OAuth2Error
from authlib.oidc.core import CodeIDToken
from joserfc import jwk, jwt

#: Signed with a key whose other half the issuer alone has: neither "none", nor with our secret.
ALGORITHMS = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
)
#: How far two machines' clocks may lie apart.
LEEWAY = timedelta(minutes=1)
#: How long its addresses and keys are taken for what they were; a new key is looked for at once.
KEPT_S = 3600.0
DEADLINE = timedelta(seconds=15)
LARGEST = 1024 * 1024


class SignInFailed(Exception):
    """Nobody is signed in; ``reason`` is a word for logs, without anybody's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OutOfReach(SignInFailed):
    """The institution's sign-in does not answer, or not as it must: its operator's or ours."""


class NotTrue(SignInFailed):
    """What it said did not stand one of the checks."""


@dataclass(kw_only=True)
class Provider:
    """The institution's sign-in."""

    issuer: str
    client_id: str
    client_secret: str | None
    scopes: str
    http: httpx.Client
    _kept: dict[str, tuple[float, Any]] = field(init=False, repr=False, default_factory=dict)

    def leave(self, *, back: str, state: str, nonce: str, verifier: str) -> str:
        """The address at which somebody signs in, to come back to ``back``; raises OutOfReach."""
        client = OAuth2Client(
            self.http, self.client_id, scope=self.scopes, code_challenge_method="S256"
        )
        address: str
        address, _ = client.create_authorization_url(
            self._address("authorization_endpoint"),
            state=state,
            code_verifier=verifier,
            redirect_uri=back,
            nonce=nonce,
        )
        return address

    def claims(
        self,
        code: str,
        *,
        back: str,
        nonce: str,
        verifier: str,
        now: datetime,
        wanted: Sequence[str],
    ) -> Mapping[str, Any]:
        """What it says of who came back with a code; raises OutOfReach and NotTrue.

        Asks for more by the userinfo endpoint where the token lacks one of the ``wanted``.
        """
        token = self._exchange(code, back=back, verifier=verifier)
        claims = self._checked(token, nonce=nonce, now=now)
        if all(name in claims for name in wanted):
            return claims
        return {**self._more(token, subject=claims["sub"]), **claims}

    def look(self) -> None:
        """Raise OutOfReach unless its addresses and keys are there."""
        for name in ("authorization_endpoint", "token_endpoint"):
            self._address(name)
        self._keys()

    def forget(self) -> None:
        """Ask anew for its addresses and keys when they are next needed."""
        self._kept.clear()

    def is_its(self, issuer: str | None) -> bool:
        """Whether an answer that names its issuer, as RFC 9207 says, is this one's."""
        says_so = self._metadata().get("authorization_response_iss_parameter_supported") is True
        return issuer == self.issuer or (issuer is None and not says_so)

    def _exchange(self, code: str, *, back: str, verifier: str) -> Mapping[str, Any]:
        auth, more = self._identified()
        client = OAuth2Client(self.http, self.client_id, redirect_uri=back)
        try:
            token: Mapping[str, Any] = client.fetch_token(
                self._address("token_endpoint"),
                grant_type="authorization_code",
                code=code,
                code_verifier=verifier,
                auth=auth,
                **more,
            )
        except OAuth2Error as exc:
            if exc.error == "invalid_grant":
                raise NotTrue("code") from exc
            raise OutOfReach(f"token endpoint: {_word(exc.error)}") from exc
        except (httpx.HTTPError, ValueError) as exc:
            raise OutOfReach(f"token endpoint: {type(exc).__name__}") from exc
        return token

    def _identified(self) -> tuple[httpx.Auth, dict[str, str]]:
        """How we say who we are at the token endpoint: a header, or more fields."""
        if self.client_secret is None:
            return httpx.Auth(), {"client_id": self.client_id}
        ways = self._metadata().get("token_endpoint_auth_methods_supported")
        if isinstance(ways, list) and "client_secret_basic" not in ways:
            given = {"client_id": self.client_id, "client_secret": self.client_secret}
            return httpx.Auth(), given
        # RFC 6749, 2.3.1: both are encoded as in a form.
        return httpx.BasicAuth(quote(self.client_id, ""), quote(self.client_secret, "")), {}

    def _checked(self, token: Mapping[str, Any], *, nonce: str, now: datetime) -> Mapping[str, Any]:
        """The claims of an ID token that we can believe (OpenID Connect Core, 3.1.3.7)."""
        try:
            read = self._signed(str(token.get("id_token", "")))
            claims = CodeIDToken(
                read.claims,
                read.header,
                {
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self.client_id},
                },
                {
                    "nonce": nonce,
                    "client_id": self.client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(now=int(now.timestamp()), leeway=int(LEEWAY.total_seconds()))
        except joserfc.errors.ClaimError as exc:
            raise NotTrue(f"claim {_word(exc.claim)}") from exc
        except (joserfc.errors.JoseError, ValueError, TypeError, KeyError) as exc:
            raise NotTrue(f"id token: {type(exc).__name__}") from exc
        if not claims["sub"]:
            raise NotTrue("claim sub")
        return dict(claims)

    def _signed(self, token: str) -> jwt.Token:
        """An ID token whose signature is the issuer's."""
        told = self._metadata().get("id_token_signing_alg_values_supported")
        algorithms = ALGORITHMS & set(told) if isinstance(told, list) else ALGORITHMS
        try:
            return jwt.decode(token, self._keys(), algorithms)
        except joserfc.errors.InvalidKeyIdError:
            self._kept.pop("keys", None)  # it may have a new one
            return jwt.decode(token, self._keys(), algorithms)

    def _keys(self) -> jwk.KeySet:
        if (kept := self._recall("keys")) is None:
            kept = _key_set(self._get(self._address("jwks_uri")))
            self._keep("keys", kept)
        found: jwk.KeySet = kept
        return found

    def _more(self, token: Mapping[str, Any], *, subject: str) -> Mapping[str, Any]:
        """What the userinfo endpoint says, if there is one (OpenID Connect Core, 5.3)."""
        if "userinfo_endpoint" not in self._metadata() or "access_token" not in token:
            return {}
        bearer = {"Authorization": f"Bearer {token['access_token']}"}
        told = self._get(self._address("userinfo_endpoint"), headers=bearer)
        if told.get("sub") != subject:
            raise NotTrue("userinfo sub")
        return told

    def _address(self, name: str) -> str:
        """One of its endpoints. What is reached by https leads to nothing that is not."""
        found = self._metadata().get(name)
        if not isinstance(found, str) or urlsplit(found).scheme not in ("https", self._scheme):
            raise OutOfReach(f"discovery: {name}")
        return found

    @property
    def _scheme(self) -> str:
        return urlsplit(self.issuer).scheme

    def _metadata(self) -> Mapping[str, Any]:
        if (kept := self._recall("metadata")) is None:
            kept = self._get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if kept.get("issuer") != self.issuer:
                raise OutOfReach("discovery: issuer")
            self._keep("metadata", kept)
        found: Mapping[str, Any] = kept
        return found

    def _get(self, address: str, *, headers: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """A JSON object."""
        where = urlsplit(address).path.rpartition("/")[2][:40]
        try:
            answer = self.http.get(
                address, headers={"Accept": "application/json", **(headers or {})}
            )
            answer.raise_for_status()
            found = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as exc:
            raise OutOfReach(f"{where}: {type(exc).__name__}") from exc
        if not isinstance(found, dict):
            raise OutOfReach(f"{where}: no object")
        return found

    def _recall(self, what: str) -> Any:
        at, found = self._kept.get(what, (0.0, None))
        return found if time.monotonic() - at < KEPT_S else None

    def _keep(self, what: str, found: Any) -> None:
        self._kept[what] = time.monotonic(), found


def _key_set(told: Mapping[str, Any]) -> jwk.KeySet:
    """Its keys for signing; those we do not know how to use are passed over."""
    keys = []
    listed = told.get("keys")
    for one in listed if isinstance(listed, list) else []:
        if not isinstance(one, dict) or one.get("use", "sig") != "sig" or one.get("kty") == "oct":
            continue
        try:
            keys.append(jwk.import_key(one))
        except (joserfc.errors.JoseError, ValueError, TypeError, KeyError):
            continue
    if not keys:
        raise OutOfReach("keys: none")
    return jwk.KeySet(keys)


def _word(told: object) -> str:
    """Of a stranger's text what may stand in a log."""
    return "".join(c for c in str(told) if c.isascii() and (c.isalnum() or c in "_."))[:40]

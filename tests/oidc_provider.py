"""An OpenID Connect provider for tests: speaks real HTTP, signs with its own keys, lies when told.

It shares no code with `bridge.people.oidc` but the library that signs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from flask import Flask, Response, jsonify, redirect, request
from joserfc import jwk, jwt
from werkzeug.serving import make_server

from tests import ports

CLIENT, SECRET = "vaultbridge", "a secret: with %/+ signs"
Claims = dict[str, Any]


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(claims: Claims) -> str:
    """A token of the algorithm "none"."""
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}."


def hmac_signed(claims: Claims, key: bytes) -> str:
    """A token signed with what two sides know (HS256), by hand: libraries refuse some keys."""
    body = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    made = hmac.digest(key, body.encode(), "sha256")
    return f"{body}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


@dataclass
class OidcProvider:
    """One issuer with one client; what it says of the next visitor stands in ``who``."""

    url: str
    now: Callable[[], datetime]
    #: Of the visitor: in the ID token, and at the userinfo endpoint.
    who: Claims = field(default_factory=dict)
    more: Claims | None = None
    #: Makes another ID token of the claims; None: the right one.
    forge: Callable[[Claims], str] | None = None
    #: What the discovery document says otherwise.
    discovery: Claims = field(default_factory=dict)
    key: jwk.RSAKey = field(default_factory=lambda: jwk.RSAKey.generate_key(2048, auto_kid=True))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    single_use: bool = True
    #: Its token endpoint answers with this instead.
    broken: Response | None = None

    def reset(self, now: Callable[[], datetime]) -> None:
        """As new, for the next test."""
        self.now, self.who, self.more, self.forge = now, {}, None, None
        self.discovery, self.single_use, self.broken = {}, True, None
        self.codes.clear()

    def signed(self, claims: Claims, *, key: Any = None) -> str:
        signing = key or self.key
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, signing)

    def app(self) -> Flask:
        app = Flask(__name__)
        app.get("/.well-known/openid-configuration")(self._configuration)
        app.get("/keys")(self._keys)
        app.get("/authorize")(self._authorize)
        app.post("/token")(self._token)
        app.get("/userinfo")(self._userinfo)
        return app

    def _keys(self) -> Response:
        return jsonify(keys=[self.key.as_dict(private=False)])

    def _userinfo(self) -> Response:
        return jsonify({"sub": self.who["sub"], **(self.more or {})})

    def _configuration(self) -> Response:
        return jsonify(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/keys",
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
                "authorization_response_iss_parameter_supported": True,
                **self.discovery,
            }
        )

    def _authorize(self) -> Any:
        asked = request.args
        assert ("code", CLIENT, "S256") == (
            asked["response_type"],
            asked["client_id"],
            asked["code_challenge_method"],
        )
        code = uuid4().hex
        self.codes[code] = dict(asked)
        answer = {"code": code, "state": asked["state"], "iss": self.url}
        return redirect(f"{asked['redirect_uri']}?{urlencode(answer)}")

    def _token(self) -> Any:
        if self.broken is not None:
            return self.broken
        begun = self.codes.get(request.form["code"])
        if self.single_use:
            self.codes.pop(request.form["code"], None)
        challenge = hashlib.sha256(request.form["code_verifier"].encode()).digest()
        wanted = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        given = base64.b64encode(f"{CLIENT}:a%20secret%3A%20with%20%25%2F%2B%20signs".encode())
        if request.headers.get("Authorization") != f"Basic {given.decode()}":
            return jsonify(error="invalid_client"), 401
        if begun is None or begun["code_challenge"] != wanted:
            return jsonify(error="invalid_grant"), 400
        moment = int(self.now().timestamp())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": moment,
            "exp": moment + 300,
            "nonce": begun["nonce"],
            **self.who,
        }
        token = self.forge(claims) if self.forge else self.signed(claims)
        return jsonify(access_token="at", token_type="Bearer", id_token=token)


@contextmanager
def serving(now: Callable[[], datetime]) -> Iterator[OidcProvider]:
    """A provider that answers at its ``url``."""
    port = ports.free_port()
    provider = OidcProvider(url=f"http://127.0.0.1:{port}", now=now)
    server = make_server("127.0.0.1", port, provider.app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()

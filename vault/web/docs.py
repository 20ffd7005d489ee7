"""The API's document, for programs and for people."""

from __future__ import annotations

from functools import cache
from typing import Any

from flask import Blueprint, Response, jsonify, render_template

from runtime.openapi import told
from vault.web.auth import vault
from vault.web.openapi import document

CSP = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

blueprint = Blueprint("docs", __name__)


@cache
def _document(public_url: str) -> dict[str, Any]:
    return document(public_url)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """The OpenAPI document."""
    return jsonify(_document(vault().settings.public_url))


@blueprint.get("/docs")
def docs() -> Response:
    """The same on one page, without scripts."""
    found = _document(vault().settings.public_url)
    page = render_template(
        "docs.html",
        info=found["info"],
        server=found["servers"][0]["url"],
        operations=[
            {"method": method.upper(), "path": path, "call": call}
            for path, calls in found["paths"].items()
            for method, call in calls.items()
        ],
        schemas=found["components"]["schemas"],
        told=told,
    )
    return Response(page, headers={"Content-Security-Policy": CSP})

"""The API's document, made of the schemas that check requests; for programs, and for people."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, render_template
from flask_smorest import Api

from bridge.api.door import Calls
from runtime.openapi import told

TITLE = "Vaultbridge"
ABOUT = (
    "Follows certificates from course completions to the vault and the gradebook, and sets going "
    "again what was mended: what the console does, for programs. Lists are read page by page: send "
    "`next` as the next request's `cursor`, until it is null. A POST with an `Idempotency-Key` may "
    "be sent again: it is done once."
)


def about(public_url: str) -> dict[str, Any]:
    """What flask-smorest is told of the document."""
    return {
        "title": TITLE,
        "version": "1",
        "openapi_version": "3.1.0",
        "info": {"description": ABOUT},
        "servers": [{"url": public_url}],
    }


def add_to(calls: Calls, api: Api) -> None:
    """Register the two forms of the document."""

    @calls.open_to_all("/openapi.json")
    def openapi() -> Response:
        """The OpenAPI document."""
        return jsonify(api.spec.to_dict())

    @calls.open_to_all("/docs")
    def docs() -> str:
        """The same on one page, without scripts."""
        found = api.spec.to_dict()
        return render_template(
            "api/docs.html",
            info=found["info"],
            server=found["servers"][0]["url"],
            operations=[
                {"method": method.upper(), "path": path, "call": call, "parameters": parameters}
                for path, calls in found["paths"].items()
                for method, call in calls.items()
                if method != "parameters"
                for parameters in [[*calls.get("parameters", []), *call.get("parameters", [])]]
            ],
            schemas=found["components"]["schemas"],
            told=told,
        )

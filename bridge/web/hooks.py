"""``/hooks/<connector>/<site>``, any method and path below: where LMSs deliver.

``/hooks/vault/<issuer>`` is where a vault does; no connector is called so.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest

from bridge import errors
from bridge.pipeline.hear import hear
from bridge.pipeline.receive import ComeAgain, Received, Receiver, TurnedAway
from bridge.wiring import Bridge
from connectors.base import InboundRequest, Outcome
from runtime.group_commit import GroupCommit

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def blueprint(bridge: Bridge) -> Blueprint:
    """The hooks of all sites."""
    hooks = Blueprint("hooks", __name__, url_prefix="/hooks")
    group: GroupCommit[Any] = GroupCommit(bridge.database)
    receiver = Receiver(bridge, group)

    # Not strict: a redirect would be taken for a refusal, and its body not sent again.
    @hooks.route(
        "/<connector>/<site>", defaults={"path": ""}, methods=METHODS, strict_slashes=False
    )
    @hooks.route("/<connector>/<site>/<path:path>", methods=METHODS)
    def deliver(connector: str, site: str, path: str) -> Response:
        try:
            received = receiver.receive(connector, site, _inbound(path))
        except TurnedAway:
            return errors.answer(401, "unauthorized", "Unauthorized")
        except ComeAgain as exc:
            return errors.unavailable(max(1, int(exc.retry_after.total_seconds())))
        return _reply(received)

    @hooks.post("/vault/<issuer>", strict_slashes=False)
    def vault_tells(issuer: str) -> Response:
        told = _inbound("")
        try:
            woken = hear(bridge, group, issuer, told.headers, told.body)
        except TurnedAway:
            return errors.answer(401, "unauthorized", "Unauthorized")
        return jsonify({"issuances": woken})

    return hooks


def _inbound(path: str) -> InboundRequest:
    try:
        # Before anything reads it as a form: signatures are over these very bytes.
        body = request.get_data(cache=True, parse_form_data=False)
    except UnicodeDecodeError as exc:
        raise BadRequest from exc
    return InboundRequest(
        method=request.method,
        path=path,
        query=request.args.to_dict(),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
    )


def _reply(received: Received) -> Response:
    if received.reply is not None:
        own = received.reply
        return Response(own.body, status=own.status, headers=dict(own.headers))
    response = jsonify({"delivery": received.delivery_id, "outcome": received.outcome.value})
    response.status_code = 202 if received.outcome is Outcome.STORED else 200
    return response

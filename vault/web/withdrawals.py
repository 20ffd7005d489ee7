"""Revoking and erasing over HTTP: extensions of ours to the vendor's API."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, jsonify

from vault.addresses import API
from vault.store.withdrawal import AlreadyErased, NoReplacement, NoSuchCertificate
from vault.tokens import Permission
from vault.web import received
from vault.web.api import whole
from vault.web.auth import caller, needs, vault
from vault.web.fields import RevocationSchema, mistakes_in
from vault.web.problems import Problem, invalid, no_certificate

blueprint = Blueprint("withdrawals", __name__, url_prefix=API)


@blueprint.post("/<uuid:uuid>/revoke")
@needs(Permission.REVOKE)
def revoke(uuid: UUID) -> Response:
    """Revoke a certificate; again, to say another reason or name its replacement."""
    values, mistakes = mistakes_in(RevocationSchema(), received.fields())
    if mistakes:
        raise invalid(mistakes)
    try:
        vault().withdrawal.revoke(str(uuid), institution_id=caller().institution_id, **values)
    except NoSuchCertificate as exc:
        raise no_certificate() from exc
    except NoReplacement as exc:
        raise invalid(
            {"replaced_by": ["The replaced by field must be another certificate's uuid."]}
        ) from exc
    return jsonify({"message": "Vault certificate revoked", "data": whole(str(uuid))})


@blueprint.post("/<uuid:uuid>/erase")
@needs(Permission.ERASE)
def erase(uuid: UUID) -> Response:
    """Erase name, e-mail, details and files for good."""
    try:
        vault().withdrawal.erase(str(uuid), institution_id=caller().institution_id)
    except NoSuchCertificate as exc:
        raise no_certificate() from exc
    except AlreadyErased as exc:
        raise Problem(400, "The holder's data of this vault certificate is erased already") from exc
    return jsonify({"message": "Vault certificate erased", "data": whole(str(uuid))})

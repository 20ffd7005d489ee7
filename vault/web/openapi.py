"""The API's OpenAPI document, made of the schemas that check requests and describe answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import marshmallow as ma
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from vault.addresses import API
from vault.tokens import Permission
from vault.web import answers
from vault.web.fields import (
    BulkEntrySchema,
    BulkSchema,
    ListSchema,
    Named,
    RevocationSchema,
    UploadFileSchema,
    UploadSchema,
)

FORM, JSON = "multipart/form-data", "application/json"
ABOUT = (
    "Keeps certificates and lets anyone verify them. What is marked as an extension is this "
    "vault's own: a client that must work with every Certificate Vault does without it."
)

Part = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call, as the document tells it."""

    method: str
    path: str  #: below the API's own address
    id: str
    summary: str
    permission: Permission
    success: int
    answer: type[ma.Schema] | None  #: None: the verified PDF
    bodies: Mapping[str, type[ma.Schema]] | None = None  #: what it takes, by content type
    query: type[ma.Schema] | None = None
    refusals: tuple[int, ...] = ()  #: beside those that every call may give
    extension: bool = False


OPERATIONS = (
    Operation(
        method="post",
        path="",
        id="upload",
        summary="Upload one certificate with its file",
        permission=Permission.CREATE,
        success=201,
        answer=answers.DoneAnswer,
        bodies={FORM: UploadSchema},
        refusals=(400, 413, 422),
    ),
    Operation(
        method="get",
        path="",
        id="list",
        summary="List certificates, newest first",
        permission=Permission.LIST,
        success=200,
        answer=answers.PageAnswer,
        query=ListSchema,
        refusals=(422,),
    ),
    Operation(
        method="post",
        path="/upload-file",
        id="uploadFile",
        summary="Upload a file whose entry follows in a bulk upload",
        permission=Permission.CREATE,
        success=201,
        answer=answers.UploadedFileAnswer,
        bodies={FORM: UploadFileSchema},
        refusals=(413, 422),
    ),
    Operation(
        method="post",
        path="/bulk",
        id="bulk",
        summary="Submit entries whose files were uploaded: all are taken, or none",
        permission=Permission.CREATE,
        success=202,
        answer=answers.BatchAnswer,
        bodies={JSON: BulkSchema, FORM: BulkEntrySchema},
        refusals=(400, 413, 422),
    ),
    Operation(
        method="get",
        path="/{uuid}",
        id="view",
        summary="View a certificate",
        permission=Permission.VIEW,
        success=200,
        answer=answers.CertificateAnswer,
        refusals=(404,),
    ),
    Operation(
        method="get",
        path="/{uuid}/download",
        id="download",
        summary="Download the verified PDF",
        permission=Permission.DOWNLOAD,
        success=200,
        answer=None,
        refusals=(404,),
    ),
    Operation(
        method="post",
        path="/{uuid}/retry",
        id="retry",
        summary="Send a failed certificate through processing again",
        permission=Permission.UPDATE,
        success=200,
        answer=answers.DoneAnswer,
        refusals=(400, 404),
    ),
    Operation(
        method="post",
        path="/{uuid}/revoke",
        id="revoke",
        summary="Revoke a certificate, or tell more of one that is revoked",
        permission=Permission.REVOKE,
        success=200,
        answer=answers.DoneAnswer,
        bodies={JSON: RevocationSchema, FORM: RevocationSchema},
        refusals=(400, 404, 413, 422),
        extension=True,
    ),
    Operation(
        method="post",
        path="/{uuid}/erase",
        id="erase",
        summary="Erase the holder's name, e-mail, details and files for good",
        permission=Permission.ERASE,
        success=200,
        answer=answers.DoneAnswer,
        refusals=(400, 404),
        extension=True,
    ),
)

#: Every refusal: what it means, and its schema.
REFUSALS: Mapping[int, tuple[str, type[ma.Schema]]] = {
    400: ("Not possible as things stand, or no JSON", answers.Refusal),
    401: ("No valid token", answers.Refusal),
    403: ("The token lacks the permission", answers.Forbidden),
    404: ("There is none, or it is another institution's", answers.Refusal),
    413: ("Larger than the vault takes", answers.Refusal),
    422: ("Mistakes in fields, or a duplicate", answers.Invalid),
    429: (
        "More requests in a minute than the token may make: wait Retry-After seconds",
        answers.Refusal,
    ),
    500: ("The vault's own fault", answers.ServerError),
    503: ("The database cannot be reached; come again", answers.ServerError),
}
ALWAYS = (401, 403, 429, 500, 503)


def document(public_url: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of a vault under this address."""
    plugin = MarshmallowPlugin()
    spec = APISpec(
        title="Certificate Vault",
        version="1",
        openapi_version="3.1.0",
        plugins=[plugin],
        info={"description": ABOUT},
        servers=[{"url": public_url}],
    )
    plugin.converter.add_attribute_function(_wire)  # type: ignore[union-attr]  # set by APISpec
    spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, plugin)
    for path, operations in paths.items():
        spec.path(path=API + path, operations=operations)
    found: dict[str, Any] = _without_null_defaults(spec.to_dict())
    return found


def _without_null_defaults(found: Any) -> Any:
    """What is not sent counts as nothing, which a default of null would say as a value."""
    if isinstance(found, dict):
        return {
            name: _without_null_defaults(value)
            for name, value in found.items()
            if not (name == "default" and value is None)
        }
    return [_without_null_defaults(one) for one in found] if isinstance(found, list) else found


def _wire(_converter: object, field: ma.fields.Field[Any], **_: Any) -> Part:
    """How a field of ours looks on the wire, which apispec cannot know."""
    return field.wire if isinstance(field, Named) else {}


def _operation(operation: Operation, plugin: MarshmallowPlugin) -> Part:
    found: Part = {
        "operationId": operation.id,
        "summary": operation.summary,
        "security": [{"token": []}],
        "x-required-permission": operation.permission.value,
        "responses": {
            str(operation.success): _success(operation.answer),
            **_refusals(sorted({*ALWAYS, *operation.refusals})),
        },
    }
    if operation.extension:
        found["x-extension"] = True
    if operation.bodies:
        content: Part = {
            kind: {"schema": _entries(plugin) if of is BulkEntrySchema else of}
            for kind, of in operation.bodies.items()
        }
        if JSON in content and not operation.extension:
            content[JSON]["x-extension"] = True  # the vendor's calls take forms alone
        found["requestBody"] = {"required": True, "content": content}
    found["parameters"] = _parameters(operation)
    return found


def _entries(plugin: MarshmallowPlugin) -> Part:
    """Entries in a form, of which a schema can only name the first one's fields."""
    entry = plugin.converter.schema2jsonschema(BulkEntrySchema())  # type: ignore[union-attr]  # set by APISpec
    return {
        "type": "object",
        "description": "Each entry's fields as `entries[N][field]`, N from 0.",
        "properties": {_first(name): field for name, field in entry["properties"].items()},
        "required": [_first(name) for name in entry["required"]],
    }


def _first(name: str) -> str:
    return f"entries[0][{name}]"


def _parameters(operation: Operation) -> list[Part]:
    found: list[Part] = []
    if "{uuid}" in operation.path:
        schema = {"type": "string", "format": "uuid"}
        found.append({"in": "path", "name": "uuid", "required": True, "schema": schema})
    if operation.query:
        found.append({"in": "query", "schema": operation.query})
    return found


def _success(answer: type[ma.Schema] | None) -> Part:
    if answer is None:
        schema: Part = {"type": "string", "format": "binary"}
        return {"description": "The PDF", "content": {"application/pdf": {"schema": schema}}}
    return {"description": _told(answer), "content": {JSON: {"schema": answer}}}


def _refusals(statuses: Iterable[int]) -> Part:
    return {
        str(status): {
            "description": REFUSALS[status][0],
            "content": {JSON: {"schema": REFUSALS[status][1]}},
        }
        for status in statuses
    }


def _told(schema: type[ma.Schema]) -> str:
    return (schema.__doc__ or "").strip()

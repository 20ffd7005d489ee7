"""Every route of the API, and what it wants: tests walk over all of them."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
from flask import Flask

from tests.vault.world import upload
from vault.addresses import API
from vault.tokens import Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One call."""

    method: str
    path: str
    permission: Permission
    found: int  #: the status for one's own certificate that is still processing


ROUTES = [
    Route(method="POST", path="", permission=Permission.CREATE, found=201),
    Route(method="GET", path="", permission=Permission.LIST, found=200),
    Route(method="GET", path="/{uuid}", permission=Permission.VIEW, found=200),
    Route(method="GET", path="/{uuid}/download", permission=Permission.DOWNLOAD, found=404),
    Route(method="POST", path="/{uuid}/retry", permission=Permission.UPDATE, found=400),
    Route(method="POST", path="/upload-file", permission=Permission.CREATE, found=422),
    Route(method="POST", path="/bulk", permission=Permission.CREATE, found=422),
    Route(method="POST", path="/{uuid}/revoke", permission=Permission.REVOKE, found=200),
    Route(method="POST", path="/{uuid}/erase", permission=Permission.ERASE, found=200),
]


def call(client: httpx.Client, route: Route, uuid: str) -> httpx.Response:
    """Call a route for one certificate."""
    if route.path == "" and route.method == "POST":
        return upload(client, certificate_title="Another")
    body = {"reason": "Issued by mistake"} if route.path.endswith("/revoke") else None
    return client.request(route.method, API + route.path.format(uuid=uuid), data=body)


def all_of(app: Flask) -> set[tuple[str, str]]:
    """The API's routes as the application knows them."""
    return {
        (method, rule.rule.removeprefix(API).replace("<uuid:uuid>", "{uuid}"))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(API)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

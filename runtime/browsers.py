"""What a browser keeps for a service, and what it says of where a form was sent from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """Something that a browser keeps for us alone: kept from scripts and from other sites."""

    name: str
    is_https: bool
    #: Below which path it is sent where the service is not reached by https.
    path: str = "/"

    @property
    def key(self) -> str:
        """Its name. Browsers hold ``__Host-`` to this host alone; it wants https and path "/"."""
        return f"__Host-{self.name}" if self.is_https else self.name

    def read(self, request: Request) -> str:
        """What this browser keeps, or nothing."""
        return request.cookies.get(self.key, "")

    def keep(self, response: Response, value: str, *, lasts: timedelta) -> None:
        """Have the browser keep it."""
        response.set_cookie(self.key, value, max_age=lasts, **self._attributes())

    def forget(self, response: Response) -> None:
        """Have the browser forget it."""
        response.delete_cookie(self.key, **self._attributes())

    def _attributes(self) -> dict[str, Any]:
        path = "/" if self.is_https else self.path
        return {"secure": self.is_https, "httponly": True, "samesite": "Lax", "path": path}


def is_from_elsewhere(request: Request) -> bool:
    """Whether the browser says that another site sent a form; for forms that no session guards."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    # Older browsers, and all of them without TLS. A page without a referrer has the origin "null".
    origin = request.headers.get("Origin", "null")
    return origin != "null" and urlsplit(origin).netloc != request.host

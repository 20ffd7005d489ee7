"""A vault for tests: speaks the vendor's API over real HTTP, answers as scripted, counts it all.

`created` is the oracle: how many certificates were ever made for each natural key.
"""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from werkzeug.datastructures import MultiDict
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

BASE = "/business/certificate-vault"
TOKEN = "token-of-the-scripted-vault"
PERMISSIONS = frozenset(
    f"certificate-vault:{p}" for p in ["list", "view", "create", "download", "update"]
)
DUPLICATE = "A vault certificate with this email, title, and issue date already exists"
LABELS = {"processing": "Processing", "generated": "Generated", "failed": "Failed"}
VERIFIED_PDF = b"%PDF-1.7\nverified\n%%EOF\n"

Key = tuple[str, str, str | None]


@dataclass(kw_only=True)
class Kept:
    """One certificate in the vault."""

    title: str
    name: str
    email: str
    issue_date: str | None
    details: str | None
    content: bytes = field(repr=False, default=b"")
    source: str = "vault"
    status: str = "processing"
    reason: str | None = None
    created_at: datetime
    uuid: str = field(default_factory=lambda: str(uuid4()))
    reference_id: str = field(default_factory=lambda: f"VEC-IC-2026{uuid4().hex[:13].upper()}")
    downloads: int = 0

    @property
    def key(self) -> Key:
        return (self.email.casefold(), self.title, self.issue_date)


class ScriptedVault:
    """Serves until `stop`. ``script["upload"]`` etc. hold what the next calls are answered with."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._lock = threading.Lock()
        self.tokens: dict[str, frozenset[str]] = {TOKEN: PERMISSIONS}
        self.kept: dict[str, Kept] = {}
        self.created: Counter[Key] = Counter()
        self.calls: Counter[str] = Counter()
        self.queries: list[Mapping[str, str]] = []
        self.script: defaultdict[str, deque[Behaviour]] = defaultdict(deque)
        self.outcomes: deque[str] = deque()  #: how the next processings end; then "generated"
        self.shows_details = True
        self.largest_page = 100
        self._late: list[Callable[[], Any]] = []
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, on the same port as before."""
        self._server = make_server("127.0.0.1", self.port, self._serve, threaded=True)
        self._server.daemon_threads = True
        self.port = self._server.port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def then(self, call: str, *behaviours: Behaviour) -> None:
        """Answer the next calls of this kind so; afterwards normally again."""
        self.script[call].extend(behaviours)

    def finish(self) -> None:
        """Process whatever is being processed."""
        for kept in self.kept.values():
            if kept.status == "processing":
                kept.status = self.outcomes.popleft() if self.outcomes else "generated"

    def catch_up(self) -> None:
        """Work on the requests that were only taken in (see `late`)."""
        while self._late:
            self._late.pop(0)()

    def put(self, **values: Any) -> Kept:
        """A certificate that somebody else uploaded by hand."""
        given = {"details": None, "created_at": self._now(), "status": "generated"}
        kept = Kept(**{**given, **values})
        self.kept[kept.uuid] = kept
        self.created[kept.key] += 1
        return kept

    @property
    def only(self) -> Kept:
        """The one certificate there is."""
        (kept,) = self.kept.values()
        return kept

    def _serve(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        answer = self._answer(request)
        return answer(environ, start_response)

    def _answer(self, request: Request) -> Response:
        call = _call_of(request)
        # All of it: a socket closed with bytes unread is reset, and the answer lost.
        form, files = request.form, {k: f.read() for k, f in request.files.items()}
        request.close()
        taken = Taken(vault=self, call=call, request=request, form=form, files=files)
        with self._lock:
            self.calls[call] += 1
            script = self.script[call]
            behaviour = script.popleft() if script else normal
        return behaviour(taken)

    def do(self, taken: Taken) -> Response:
        """What a vault in good health does."""
        denied = self._denied(taken)
        if denied is not None:
            return denied
        handler: Callable[[Taken], Response] = getattr(self, f"_{taken.call}")
        with self._lock:
            return handler(taken)

    def do_later(self, taken: Taken) -> None:
        """Keep a request for `catch_up`."""
        self._late.append(lambda: self.do(taken))

    def _denied(self, taken: Taken) -> Response | None:
        given = taken.request.headers.get("Authorization", "").removeprefix("Bearer ")
        if given not in self.tokens:
            return told(401, {"message": "Unauthorized - Invalid API token"})
        needed = {"upload": "create", "retry": "update"}.get(taken.call, taken.call)
        permission = f"certificate-vault:{needed}"
        if permission not in self.tokens[given]:
            return forbidden(permission)
        return None

    def _upload(self, taken: Taken) -> Response:
        form = taken.form
        wanted = ("certificate_title", "full_name", "applicant_email")
        errors = {n: [f"The {n} field is required."] for n in wanted if not form.get(n)}
        if "certificate_file" not in taken.files:
            errors["certificate_file"] = ["The certificate file field is required."]
        if errors:
            return told(422, {"message": "The given data was invalid.", "errors": errors})
        kept = Kept(
            title=form["certificate_title"],
            name=form["full_name"],
            email=form["applicant_email"],
            issue_date=form.get("issue_date"),
            details=form.get("details"),
            content=taken.files["certificate_file"],
            created_at=self._now(),
        )
        if any(kept.key == other.key for other in self.kept.values()):
            return told(422, {"message": DUPLICATE})
        self.kept[kept.uuid] = kept
        self.created[kept.key] += 1
        message = "Vault certificate uploaded successfully"
        return told(201, {"message": message, "data": self._whole(kept)})

    def _list(self, taken: Taken) -> Response:
        query = taken.request.args
        self.queries.append(query.to_dict())
        number, size = int(query.get("page", 1)), int(query.get("per_page", 15))
        size = min(size, self.largest_page)
        found = sorted(self.kept.values(), key=lambda kept: kept.created_at, reverse=True)
        if email := query.get("applicant_email"):
            found = [kept for kept in found if kept.email.casefold() == email.casefold()]
        last = max(1, -(-len(found) // size))
        items = [self._item(kept) for kept in found[(number - 1) * size : number * size]]
        links = {"next": f"{self.url}{BASE}?page={number + 1}" if number < last else None}
        meta = {"current_page": number, "last_page": last, "per_page": size, "total": len(found)}
        return told(200, {"data": items, "links": links, "meta": meta})

    def _view(self, taken: Taken) -> Response:
        kept = self.kept.get(taken.uuid)
        if kept is None:
            return told(404, {"message": "Certificate not found"})
        return told(200, {"data": self._whole(kept)})

    def _download(self, taken: Taken) -> Response:
        kept = self.kept.get(taken.uuid)
        if kept is None or kept.status != "generated":
            message = "Verified PDF not found. The certificate may still be processing."
            return told(404, {"message": message})
        kept.downloads += 1
        return Response(VERIFIED_PDF, mimetype="application/pdf")

    def _retry(self, taken: Taken) -> Response:
        kept = self.kept.get(taken.uuid)
        if kept is None:
            return told(404, {"message": "Certificate not found"})
        if kept.status != "failed":
            return told(400, {"message": "Only failed certificates can be retried."})
        kept.status = "processing"
        message = "Vault certificate retry initiated"
        return told(200, {"message": message, "data": self._whole(kept)})

    def _item(self, kept: Kept) -> dict[str, Any]:
        label = LABELS.get(kept.status, kept.status.title())
        return {
            "id": 1,
            "uuid": kept.uuid,
            "reference_id": kept.reference_id,
            "certificate_title": kept.title,
            "full_name": kept.name,
            "applicant_email": kept.email,
            "source": {"value": kept.source, "label": kept.source.title()},
            "status": {"value": kept.status, "label": label, "color": "success"},
            "issue_date": kept.issue_date,
            "created_at": kept.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }

    def _whole(self, kept: Kept) -> dict[str, Any]:
        details = {"details": kept.details} if self.shows_details else {}
        return {**self._item(kept), **details, "rejection_reason": kept.reason}


@dataclass(frozen=True, kw_only=True)
class Taken:
    """One call, its body read."""

    vault: ScriptedVault
    call: str
    request: Request
    form: MultiDict[str, str]
    files: Mapping[str, bytes]

    @property
    def uuid(self) -> str:
        return self.request.path.removeprefix(BASE).split("/")[1]


#: What becomes of one call.
Behaviour = Callable[[Taken], Response]


def _call_of(request: Request) -> str:
    parts = [part for part in request.path.removeprefix(BASE).split("/") if part]
    if not parts:
        return "upload" if request.method == "POST" else "list"
    return parts[1] if len(parts) > 1 else "view"


def told(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(body), status, headers, mimetype="application/json")


def forbidden(permission: str) -> Response:
    message = "Forbidden - Insufficient permissions"
    return told(403, {"message": message, "required_permission": permission})


def normal(taken: Taken) -> Response:
    """Do it and say so."""
    return taken.vault.do(taken)


def lost_reply(taken: Taken) -> Response:
    """Do it, and close the connection without a word."""
    taken.vault.do(taken)
    return cut(taken)


def cut(taken: Taken) -> Response:
    """Do nothing, and close the connection without a word."""
    taken.request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return Response(status=500)


def late(taken: Taken) -> Response:
    """Take the request in, close the connection, and work on it only at `catch_up`."""
    taken.vault.do_later(taken)
    return cut(taken)


def answers(
    status: int,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    *,
    does_it: bool = False,
) -> Behaviour:
    """Say just this: JSON, or a text as HTML; do the work before or not at all."""

    def behave(taken: Taken) -> Response:
        if does_it:
            taken.vault.do(taken)
        if isinstance(body, str):
            return Response(body, status, headers, mimetype="text/html")
        return told(status, body if body is not None else {"message": f"said {status}"}, headers)

    behave.__name__ = " ".join([str(status), *(headers or {}), *(["does it"] if does_it else [])])
    return behave

"""The scripted vault itself. `created` is the oracle: how many certificates were ever made for each
natural key.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from tests.scripted_vault import bulk
from tests.scripted_vault.answering import DUPLICATE, forbidden, invalid, missing, told
from tests.scripted_vault.behaviours import Behaviour, Taken, normal
from tests.scripted_vault.journal import Journal, Unwritten
from tests.scripted_vault.kept import Kept, Key, UploadedFile, certificate, mistakes

BASE = "/business/certificate-vault"
TOKEN = "token-of-the-scripted-vault"
PERMISSIONS = frozenset(
    f"certificate-vault:{p}"
    for p in ["list", "view", "create", "download", "update", "revoke", "erase"]
)
NEEDED = {"upload": "create", "upload_file": "create", "bulk": "create", "retry": "update"}
LABELS = {"processing": "Processing", "generated": "Generated", "failed": "Failed"}
VERIFIED_PDF = b"%PDF-1.7\nverified\n%%EOF\n"


class LongRequest(Request):
    """A request of as many parts as a bulk upload has."""

    max_form_parts = 20_000
    max_form_memory_size = None


class ScriptedVault:
    """Serves until `stop`. ``script["bulk"]`` etc. hold what the next calls are answered with.

    The calls are ``upload``, ``upload_file``, ``bulk``, ``list``, ``view``, ``download``,
    ``retry`` and, where it ``revokes``, ``revoke``, where it ``erases``, ``erase``. With a
    ``journal`` it goes on with what is written there.
    """

    def __init__(
        self,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        port: int = 0,
        journal: Journal | None = None,
    ) -> None:
        self._now = now
        self._lock = threading.RLock()
        self._journal = journal or Unwritten()
        self.tokens: dict[str, frozenset[str]] = {TOKEN: PERMISSIONS}
        self.kept = {kept.uuid: kept for kept in self._journal.certificates()}
        self.files = {file.file_id: file for file in self._journal.files()}
        self.created: Counter[Key] = self._journal.ever_made()
        self.calls: Counter[str] = Counter()
        self.queries: list[Mapping[str, str]] = []
        self.script: defaultdict[str, deque[Behaviour]] = defaultdict(deque)
        #: What becomes of a call that no script is for.
        self.usual: Callable[[Taken], Behaviour] = lambda _taken: normal
        self.outcomes: deque[str] = deque()  #: how the next processings end
        #: How a processing ends that no outcome is written down for.
        self.outcome: Callable[[Kept], str] = lambda _kept: "generated"
        #: Finishes by itself what it has told as processing; else at `finish`.
        self.finishes_when_told = False
        self.shows_details = True
        #: Shows a certificate's batch, and takes it as a filter.
        self.shows_batch = False
        #: Refuses a bulk request of which one entry is wrong; else accepts it, and drops the entry.
        self.checks_bulk = True
        #: Says which entry of a bulk request is the duplicate, as our own vault does.
        self.names_duplicates = False
        #: A bulk request's certificates are made at once; else at `appear` or `finish`.
        self.appears_at_once = True
        #: Looks for duplicates as it makes the certificate; else when it takes the request in.
        self.atomic = True
        #: Looks for duplicates at all.
        self.finds_duplicates = True
        #: E-mails whose entries of a bulk request are lost without a word.
        self.drops: set[str] = set()
        #: Whether an entry of a bulk request is lost.
        self.loses: Callable[[Kept], bool] = lambda kept: kept.email in self.drops
        self.largest_page = 100
        #: Knows how to revoke, as our own vault does; that frees the key.
        self.revokes = False
        #: What was said of each that was revoked, by its uuid: (reason, replaced by).
        self.revoked: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
        #: Knows how to erase a holder's data, as our own vault does.
        self.erases = False
        self._late: list[Callable[[], Any]] = []
        self._queued = self._journal.certificates(queued=True)
        self.port = port
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

    def appear(self) -> None:
        """Make the certificates of the bulk requests accepted so far; what is double is lost."""
        with self._writing():
            queued, self._queued = self._queued, []
            for kept in queued:
                if self.atomic and self._is_there(kept):
                    self._journal.forget(kept)
                else:
                    self._keep(kept)

    def finish(self) -> list[Kept]:
        """Process whatever is being processed; return that."""
        self.appear()
        with self._writing():
            processed = [kept for kept in self.kept.values() if kept.status == "processing"]
            for kept in processed:
                kept.status = self.outcomes.popleft() if self.outcomes else self.outcome(kept)
                self._journal.keep(kept)
        return processed

    def catch_up(self) -> None:
        """Work on the requests that were only taken in (see `late`)."""
        with self._writing():
            while self._late:
                self._late.pop(0)()

    def expire_files(self) -> None:
        """Forget the files uploaded ahead that have no entry yet."""
        with self._writing():
            for file in self.files.values():
                file.expired = True
                self._journal.keep_file(file)

    def put(self, **values: Any) -> Kept:
        """A certificate that somebody else uploaded by hand."""
        given = {"details": None, "created_at": self._now(), "status": "generated"}
        kept = Kept(**{**given, **values})
        with self._writing():
            self._keep(kept)
        return kept

    @property
    def only(self) -> Kept:
        """The one certificate there is."""
        (kept,) = self.kept.values()
        return kept

    def _serve(self, environ: Any, start_response: Any) -> Any:
        request = LongRequest(environ)
        answer = self._answer(request)
        return answer(environ, start_response)

    def _answer(self, request: Request) -> Response:
        call, uuid = _call_of(request)
        # All of it: a socket closed with bytes unread is reset, and the answer lost. Before any of
        # it is parsed: Werkzeug leaves files open that a caller stopped sending half way.
        request.get_data(cache=True)
        form, files = request.form, {k: f.read() for k, f in request.files.items()}
        request.close()
        taken = Taken(vault=self, call=call, request=request, form=form, files=files, uuid=uuid)
        with self._lock:
            self.calls[call] += 1
            script = self.script[call]
            behaviour = script.popleft() if script else self.usual(taken)
        return behaviour(taken)

    def do(self, taken: Taken) -> Response:
        """What a vault in good health does."""
        denied = self._denied(taken)
        if denied is not None:
            return denied
        handler: Callable[[Taken], Response] = getattr(self, f"_{taken.call}")
        with self._writing():
            answer = handler(taken)
            if self.finishes_when_told and taken.call in ("list", "view"):
                self.finish()
            return answer

    def do_later(self, taken: Taken) -> None:
        """Keep a request for `catch_up`."""
        if self.atomic or taken.call != "upload":
            self._late.append(lambda: self.do(taken))
            return
        received = self._received(taken)
        if isinstance(received, Kept):
            self._late.append(lambda: self._keep(received))

    def _denied(self, taken: Taken) -> Response | None:
        given = taken.request.headers.get("Authorization", "").removeprefix("Bearer ")
        if given not in self.tokens:
            return told(401, {"message": "Unauthorized - Invalid API token"})
        if {"revoke": not self.revokes, "erase": not self.erases}.get(taken.call, False):
            return told(404, {"message": "The route could not be found."})
        permission = f"certificate-vault:{NEEDED.get(taken.call, taken.call)}"
        if permission not in self.tokens[given]:
            return forbidden(permission)
        return None

    def _upload(self, taken: Taken) -> Response:
        received = self._received(taken)
        if isinstance(received, Response):
            return received
        self._keep(received)
        message = "Vault certificate uploaded successfully"
        return told(201, {"message": message, "data": self._whole(received)})

    def _received(self, taken: Taken) -> Response | Kept:
        """The certificate to be made of a single upload, or why not."""
        content = taken.files.get("certificate_file")
        errors = mistakes(taken.form, beside={"certificate_file": content})
        if errors:
            return invalid(errors)
        kept = certificate(taken.form, content=content, created_at=self._now())
        if self._is_there(kept):
            return told(422, {"message": DUPLICATE})
        return kept

    def _upload_file(self, taken: Taken) -> Response:
        if "file" not in taken.files:
            return invalid({"file": [missing("file")]})
        file = UploadedFile(content=taken.files["file"])
        self.files[file.file_id] = file
        self._journal.keep_file(file)
        data = {
            "file_id": file.file_id,
            "file_name": taken.request.files["file"].filename,
            "mime_type": "application/pdf",
            "size": len(file.content),
        }
        return told(201, {"message": "File uploaded successfully", "data": data})

    def _bulk(self, taken: Taken) -> Response:
        entries = bulk.sent_entries(taken)
        if not entries:
            return invalid({"entries": [missing("entries")]})
        if self.checks_bulk:
            refused = bulk.refusal(
                entries,
                files=self.files,
                taken_keys=self._keys(),
                names_duplicates=self.names_duplicates,
            )
            if refused is not None:
                return refused
        batch_id = str(uuid4())
        for kept in self._of_batch(batch_id, entries.values()):
            self._queued.append(kept)
            self._journal.keep(kept, queued=True)
        if self.appears_at_once:
            self.appear()
        data = {"batch_id": batch_id, "total": len(entries), "status": "processing"}
        return told(202, {"message": "Bulk vault upload queued for processing", "data": data})

    def _of_batch(self, batch_id: str, entries: Iterable[bulk.Fields]) -> Iterable[Kept]:
        """What will become certificates; the others are lost without a word."""
        for fields in entries:
            file = self.files.get(fields.get("file_id", ""))
            if bulk.incomplete(fields) or file is None or not file.free:
                continue
            file.used = True
            self._journal.keep_file(file)
            kept = certificate(
                fields, content=file.content, batch_id=batch_id, created_at=self._now()
            )
            if not self.loses(kept):
                yield kept

    def _list(self, taken: Taken) -> Response:
        query = taken.request.args
        self.queries.append(query.to_dict())
        number, size = int(query.get("page", 1)), int(query.get("per_page", 15))
        size = min(size, self.largest_page)
        found = sorted(filter(self._wanted(query), self.kept.values()), key=_age, reverse=True)
        last = max(1, -(-len(found) // size))
        items = [self._item(kept) for kept in found[(number - 1) * size : number * size]]
        links = {"next": f"{self.url}{BASE}?page={number + 1}" if number < last else None}
        meta = {"current_page": number, "last_page": last, "per_page": size, "total": len(found)}
        return told(200, {"data": items, "links": links, "meta": meta})

    def _wanted(self, query: Mapping[str, str]) -> Callable[[Kept], bool]:
        """The filters of a list; one that this vault does not know is passed over."""
        email, status = query.get("applicant_email"), query.get("status")
        batch = query.get("batch_id") if self.shows_batch else None

        def wanted(kept: Kept) -> bool:
            return (
                (not email or kept.email.casefold() == email.casefold())
                and (not status or kept.status == status)
                and (not batch or kept.batch_id == batch)
            )

        return wanted

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
        self._journal.keep(kept)
        message = "Vault certificate retry initiated"
        return told(200, {"message": message, "data": self._whole(kept)})

    def _revoke(self, taken: Taken) -> Response:
        if not taken.form.get("reason"):
            return invalid({"reason": [missing("reason")]})
        kept = self.kept.get(taken.uuid)
        if kept is None:
            return told(404, {"message": "Certificate not found"})
        kept.status = "revoked"
        self._journal.keep(kept)
        self.revoked[kept.uuid].append((taken.form["reason"], taken.form.get("replaced_by")))
        return told(200, {"message": "Vault certificate revoked", "data": self._whole(kept)})

    def _erase(self, taken: Taken) -> Response:
        kept = self.kept.get(taken.uuid)
        if kept is None:
            return told(404, {"message": "Certificate not found"})
        if not kept.email:
            return told(400, {"message": "The holder's data is erased already"})
        kept.name = kept.email = kept.details = ""
        self._journal.keep(kept)
        return told(200, {"message": "Vault certificate erased", "data": self._whole(kept)})

    def _keys(self) -> set[Key]:
        if not self.finds_duplicates:
            return set()
        free = {"revoked"} if self.revokes else set()
        return {kept.key for kept in self.kept.values() if kept.status not in free}

    def _is_there(self, kept: Kept) -> bool:
        return kept.key in self._keys()

    def _keep(self, kept: Kept) -> None:
        self.kept[kept.uuid] = kept
        self.created[kept.key] += 1
        self._journal.keep(kept)
        self._journal.made(kept.key)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock, self._journal.transaction():
            yield

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
            **({"batch_id": kept.batch_id} if self.shows_batch else {}),
        }

    def _whole(self, kept: Kept) -> dict[str, Any]:
        details = {"details": kept.details} if self.shows_details else {}
        return {**self._item(kept), **details, "rejection_reason": kept.reason}


def _call_of(request: Request) -> tuple[str, str]:
    """Which call it is, and of which certificate."""
    parts = [part for part in request.path.removeprefix(BASE).split("/") if part]
    if not parts:
        return ("upload" if request.method == "POST" else "list"), ""
    if parts in (["upload-file"], ["bulk"]):
        return parts[0].replace("-", "_"), ""
    return (parts[1] if len(parts) > 1 else "view"), parts[0]


def _age(kept: Kept) -> datetime:
    return kept.created_at

"""What strangers sent is opened in child processes: no file can hold, crash or fill the vault.

A PDF of one megabyte may unfold to gigabytes, a JPEG of twenty may take half an hour to decode, and
a library written in C may crash. `vault.sandboxed` is what runs in the children.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import structlog

from runtime.child import Busy, Child, Children, GaveUp, NotStarted
from vault.kinds import UNBEARABLE, FileKind, FileRefused

PROGRAM = "vault.sandboxed"
#: For one file. The largest that is of any use takes about two seconds.
LIMIT = timedelta(seconds=20)
#: How long a thread waits for its turn.
PATIENCE = timedelta(seconds=30)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """What the strip of a verified PDF says."""

    reference_id: str
    issuer: str
    url: str  #: of the verification page


class Sandbox:
    """Opens files in so many children, started when first needed; safe to use from many threads.

    Every call but `strips_on` may raise runtime.child.Busy (none was free in time) and
    runtime.child.NotStarted.
    """

    def __init__(
        self, *, count: int | None = None, limit: timedelta = LIMIT, patience: timedelta = PATIENCE
    ) -> None:
        """``count`` is one for each processor where it is not said."""
        #: How many files it opens at once.
        self.count = count or len(os.sched_getaffinity(0))
        self._children = Children(
            lambda: Child(PROGRAM, limit=limit), count=self.count, patience=patience
        )

    def inspect(self, content: bytes) -> FileKind:
        """Return what a file is; raises FileRefused for one that cannot be processed."""
        head, _ = self._ask("inspect", content)
        return FileKind(head["kind"])

    def stamped(self, content: bytes, *, kind: FileKind, strip: Strip) -> bytes | None:
        """Return the file as a stamped PDF, or None for a signed one, which must stay as it is.

        Raises FileRefused. The same input gives the same bytes.
        """
        head, pdf = self._ask("stamp", content, kind=kind.value, strip=asdict(strip))
        return None if head["signed"] else pdf

    def strips_on(self, content: bytes) -> Sequence[str]:
        """The reference ids on a PDF's strips; none for what cannot be opened now."""
        try:
            head, _ = self._ask("look for strips", content)
        except (FileRefused, Busy, NotStarted):
            return ()
        return tuple(map(str, head["named"]))

    def close(self) -> None:
        """End the children. They are started again when needed."""
        self._children.close()

    def _ask(self, do: str, content: bytes, **more: Any) -> tuple[Any, bytes]:
        try:
            head, body = self._children.ask({"do": do, **more}, content)
        except GaveUp as exc:
            log.warning("file_given_up", do=do, reason=type(exc).__name__, size=len(content))
            raise FileRefused(UNBEARABLE) from exc
        if "refused" in head:
            raise FileRefused(str(head["refused"]))
        return head, body

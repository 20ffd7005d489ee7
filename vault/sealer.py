"""PDFs are signed in child processes: on every processor at once, and within limits.

They are others than those that open what strangers sent (`vault.sandbox`): a key is told only to
these, which are given nothing but what the vault's own stamp has written. `vault.sealing` is what
runs in them.
"""

from __future__ import annotations

import os
from datetime import timedelta

import structlog

from runtime.child import Child, Children, GaveUp
from vault.sandbox import LIMIT, PATIENCE
from vault.signing import SigningKey, SigningProblem, as_json

PROGRAM = "vault.sealing"

log = structlog.get_logger()


class Sealer:
    """Signs in so many children, started when first needed; safe to use from many threads."""

    def __init__(self, *, count: int | None = None, limit: timedelta = LIMIT) -> None:
        """``count`` is one for each processor where it is not said."""
        self._children = Children(
            lambda: Child(PROGRAM, limit=limit),
            count=count or len(os.sched_getaffinity(0)),
            patience=PATIENCE,
        )

    def seal(self, content: bytes, key: SigningKey, *, name: str) -> bytes:
        """As `vault.seal.seal`; raises also runtime.child.Busy and runtime.child.NotStarted."""
        try:
            head, signed = self._children.ask({"name": name, "key": as_json(key)}, content)
        except GaveUp as exc:
            log.warning("signing_given_up", reason=type(exc).__name__, size=len(content))
            raise SigningProblem(
                "Signing the PDF takes more time or memory than it may. Export or print it to PDF "
                "again and send that."
            ) from exc
        if "refused" in head:
            raise SigningProblem(str(head["refused"]))
        return signed

    def close(self) -> None:
        """End the children. They are started again when needed."""
        self._children.close()

"""An LMS that answers at once, with its connector: python -m benchmarks.stub_lms PORT.

Completions come as signed webhooks; its gradebook is written and read many rows a call. The
connector is installed as a plug-in is, see `tests.scripted_lms.install`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import marshmallow as ma

from benchmarks.stub_server import Asked, serve
from connectors.base import Cell, GradebookRow, Receipt, ReceiptState
from connectors.fields import BaseUrl
from connectors.rest import send
from connectors.signed.connector import SignedConnector
from connectors.signed.settings import SignedSettings, SignedSettingsSchema

#: Rows in one call, as with Moodle.
BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class StubSettings(SignedSettings):
    """One such LMS."""

    base_url: str


class StubSettingsSchema(SignedSettingsSchema):
    """The form of these settings."""

    base_url = BaseUrl(required=True)

    @ma.post_load
    def build(self, data: dict[str, Any], **_: Any) -> StubSettings:
        """The settings as a frozen value."""
        return StubSettings(secrets=tuple(data["secrets"]), base_url=data["base_url"])


class StubConnector(SignedConnector):
    """Deliveries as those of ``signed``, and a gradebook."""

    name = "stub"
    settings_schema = StubSettingsSchema
    settings: StubSettings

    def write_back(self, batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        """A hundred rows a call."""
        rows = [[row.course_id, row.learner_id, row.as_html()] for row in batch]
        for begin in range(0, len(rows), BATCH):
            self._call("/write", rows[begin : begin + BATCH])
        return [Receipt(state=ReceiptState.WRITTEN, text=text) for _, _, text in rows]

    def read_back(self, batch: Sequence[GradebookRow]) -> Sequence[Cell | None]:
        """All in one call."""
        told = self._call("/read", [[row.course_id, row.learner_id] for row in batch])
        return [Cell(text=text) for text in told]

    def _call(self, path: str, rows: Any) -> Any:
        url = f"{self.settings.base_url}{path}"
        return send(self.http, self.now, "POST", url, json=rows).json()


class StubLms:
    """The gradebook: a text for each course and learner."""

    def __init__(self) -> None:
        self._cells: dict[tuple[str, str], str] = {}

    def answer(self, asked: Asked) -> tuple[int, bytes]:
        """Answer one request; ``GET /`` tells how many cells say something."""
        if asked.method == "GET":
            return 200, json.dumps(len(self._cells)).encode()
        rows = json.loads(asked.body)
        if asked.path == "/read":
            return 200, json.dumps([self._cells.get((c, who)) for c, who in rows]).encode()
        self._cells |= {(c, who): text for c, who, text in rows}
        return 200, b"{}"


if __name__ == "__main__":
    serve(int(sys.argv[1]), StubLms().answer)

"""A vault that takes everything and has made it at once: python -m benchmarks.stub_vault PORT.

It speaks as much of the vendor's API as the bridge calls while all goes well.
"""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.stub_server import Asked, header, serve
from bridge.vault_client.client import BASE

_NAME = re.compile(rb'name="([^"]*)"')
_ENTRY = re.compile(r"entries\[(\d+)\]\[(\w+)\]")


def form(asked: Asked) -> dict[str, bytes]:
    """The parts of a multipart body by their names."""
    boundary = header(asked.headers, "content-type").partition("boundary=")[2]
    parts: dict[str, bytes] = {}
    for part in asked.body.split(b"--" + boundary.encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        if named := _NAME.search(head):
            parts[named[1].decode()] = content[:-2]
    return parts


class StubVault:
    """What it was given, oldest first; of files nothing is kept."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._made: list[dict[str, Any]] = []
        self._by_uuid: dict[str, dict[str, Any]] = {}

    def answer(self, asked: Asked) -> tuple[int, bytes]:
        """Answer one request."""
        url = urlsplit(asked.path)
        place = url.path.removeprefix(BASE)
        if asked.method == "GET":
            return 200, json.dumps(self._told(place, parse_qs(url.query))).encode()
        status, data = self._taken(place, form(asked))
        return status, json.dumps({"message": "taken", "data": data}).encode()

    def _told(self, place: str, query: dict[str, list[str]]) -> dict[str, Any]:
        if place:
            return {"data": self._by_uuid[place.strip("/")]}
        number, size = int(query["page"][0]), int(query["per_page"][0])
        end = len(self._made) - (number - 1) * size
        page = self._made[max(end - size, 0) : max(end, 0)]
        last = max(1, -(-len(self._made) // size))
        return {"data": page[::-1], "meta": {"last_page": last, "current_page": number}}

    def _taken(self, place: str, parts: dict[str, bytes]) -> tuple[int, dict[str, Any]]:
        if place == "/upload-file":
            return 201, {"file_id": f"file-{next(self._numbers)}"}
        if place == "/bulk":
            return 202, self._batch(parts)
        return 201, self._make(
            {name: value.decode() for name, value in parts.items() if name != "certificate_file"}
        )

    def _batch(self, parts: dict[str, bytes]) -> dict[str, Any]:
        batch_id = f"batch-{next(self._numbers)}"
        entries: dict[str, dict[str, str]] = {}
        for name, value in parts.items():
            if found := _ENTRY.fullmatch(name):
                entries.setdefault(found[1], {})[found[2]] = value.decode()
        for fields in entries.values():
            self._make({**fields, "batch_id": batch_id})
        return {"batch_id": batch_id, "total": len(entries), "status": "processing"}

    def _make(self, fields: dict[str, str]) -> dict[str, Any]:
        number = next(self._numbers)
        uuid = f"{number:08x}-0000-4000-8000-000000000000"
        made = {
            **fields,
            "uuid": uuid,
            "reference_id": f"VEC-IC-{number:016X}",
            "status": {"value": "generated", "label": "Generated"},
            "created_at": datetime.now(UTC).isoformat(),
        }
        self._made.append(made)
        self._by_uuid[uuid] = made
        return made


if __name__ == "__main__":
    serve(int(sys.argv[1]), StubVault().answer)

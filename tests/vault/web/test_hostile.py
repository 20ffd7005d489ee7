"""Ten thousand hostile requests: none is a server's error, none leaves a file behind."""

from __future__ import annotations

import gc
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from werkzeug.test import Client

from tests.vault import samples
from tests.vault.world import ENTRY, World
from vault.addresses import API
from vault.store.tables import certificate, file

COUNT = 10_000
SEED = 20_261_123
BOUNDARY = b"----x"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY.decode()}"
JSON = "application/json"

#: What fields may be given.
WORDS = [
    b"",
    b" ",
    b"\x00",
    b"\xff\xfe\xfd",
    b"\xed\xa0\x80",
    b"a" * 300,
    b"a@b",
    b"a@b.c",
    b"2025-02-30",
    b"0000-00-00",
    b"9999-12-31",
    b"' OR 1=1 --",
    b"{{7*7}}%s%n${x}",
    b"../../../etc/passwd",
    "\u202eمحمد".encode(),
    "名".encode() * 200,
    "é".encode("utf-16"),
    b"-1",
    b"1e309",
    b"NaN",
    b"\r\n\r\n",
]
#: What a body of JSON may be.
TEXTS = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"NaN",
    b"1" * 5000,
    b'{"entries": 1}',
    b'{"entries": [null, 1, "x", [], {}]}',
    b'{"entries": [{"file_id": {"a": []}, "full_name": ["x"], "issue_date": 5}]}',
    b'{"entries": [{"full_name": "\\ud800", "file_id": "\\u0000"}]}',
    b'{"reason": {"$gt": ""}, "replaced_by": -1}',
    b'{"reason": "\\udfff", "replaced_by": "\\ud800"}',
    b"[" * 50_000,
    b'{"entries": ' + b'[{"a":' * 3000,
    b'{"entries": [' + b"{}," * 2000 + b"{}]}",
    b"\xef\xbb\xbf{}",
    b"\xff\xfe{\x00}\x00",
]
FIELDS = [name.encode() for name in (*ENTRY, "file", "certificate_file", "reason", "replaced_by")]
NAMES = [
    *FIELDS,
    *(b"entries[0][" + name + b"]" for name in FIELDS),
    b"entries[0][file_id]",
    b"entries[99999999999][x]",
    b"entries[-1][full_name]",
    b"entries[][full_name]",
    b"entries",
    b"\xff",
    b"",
]
HEADERS = [
    b'filename="a.pdf"',
    b'filename="\xff\x00/../x"',
    b"filename*=UTF-8''%FF%00",
    b"",
    b"name",
]
QUERIES = [
    b"status",
    b"page",
    b"per_page",
    b"search",
    b"applicant_email",
    b"batch_id",
    b"issue_date_to",
]
PATHS = ["", "/", "/upload-file", "/bulk", "/{uuid}", "/{uuid}/download", "/{uuid}/retry"]
PATHS += ["/{uuid}/revoke", "/{uuid}/erase", "/%00", "/..%2f..%2f", "/{uuid}/%FF", "/{uuid}x"]


class Hostile:
    """Makes requests; the same seed makes the same ones."""

    def __init__(self, seed: int, uuid: str) -> None:
        self._random = random.Random(seed)  # noqa: S311  # not for secrets
        self._uuid = uuid
        self._files = _broken_files(self._random)

    def request(self) -> dict[str, object]:
        """One request, as werkzeug's client wants it."""
        pick = self._random.choice
        body, kind = pick([self._multipart, self._json, self._cut, self._form])()
        path = pick(PATHS).format(uuid=pick([self._uuid, str(uuid4())]))
        return {
            "path": API + path,
            "method": pick(["GET", "POST", "POST", "POST", "PUT", "HEAD"]),
            "query_string": self._query(),
            "data": body,
            "content_type": kind,
        }

    def _query(self) -> str:
        pairs = ((self._random.choice(QUERIES), self._random.choice(WORDS)) for _ in range(2))
        return "&".join(f"{name.decode()}={_escaped(value)}" for name, value in pairs)

    def _multipart(self) -> tuple[bytes, str]:
        parts = b"".join(self._part() for _ in range(self._random.randrange(8)))
        return parts + b"--" + BOUNDARY + self._random.choice([b"--", b"", b"\r\n"]), MULTIPART

    def _part(self) -> bytes:
        pick = self._random.choice
        name, isfile = pick(NAMES), self._random.random() < 0.4
        content = pick(self._files) if isfile else pick(WORDS)
        extra = b"; " + pick(HEADERS) if isfile else b""
        called = pick([b'; name="' + name + b'"'] * 9 + [b""])
        head = b"Content-Disposition: form-data" + called + extra
        return b"--" + BOUNDARY + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n"

    def _cut(self) -> tuple[bytes, str]:
        body, kind = self._multipart()
        return body[: self._random.randrange(len(body) + 1)], kind

    def _json(self) -> tuple[bytes, str]:
        return self._random.choice(TEXTS), self._random.choice([JSON, "application/x+json", "a"])

    def _form(self) -> tuple[bytes, str]:
        pairs = (self._random.choice(NAMES) + b"=" + self._random.choice(WORDS) for _ in range(5))
        return b"&".join(pairs), "application/x-www-form-urlencoded; charset=x"


def _broken_files(chance: random.Random) -> list[bytes]:
    """Files that begin as ours and are none that can be taken."""
    whole: list[Callable[[], bytes]] = [samples.pdf, samples.jpeg, samples.png]
    found = [b"", b"%PDF-", b"%PDF-1.7\n%%EOF", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a"]
    for make in whole:
        content = make()
        found += [content[: len(content) * part // 10] for part in (1, 3, 5, 7)]
    pdf = samples.pdf()
    for _ in range(20):
        at = chance.randrange(len(pdf) - 40)
        found.append(pdf[:at] + chance.randbytes(40) + pdf[at + 40 : -60])
    return found


def _escaped(value: bytes) -> str:
    return "".join(f"%{byte:02X}" for byte in value)


# Werkzeug leaves the parts of a body that it could not read to the end to the garbage collector.
@pytest.mark.filterwarnings("ignore:Unclosed file <tempfile.SpooledTemporaryFile:ResourceWarning")
@pytest.mark.parametrize("part", range(4))
def test_hostile_requests_are_refused_and_leave_nothing(world: World, part: int) -> None:
    token = world.token(world.institution("ABC University"))
    hostile = Hostile(SEED + part, str(uuid4()))
    client: Client = world.app.test_client()
    headers = {"Authorization": f"Bearer {token}", "Accept": JSON}
    statuses: Counter[int] = Counter()
    for _ in range(COUNT // 4):
        asked = hostile.request()
        answer = client.open(**asked, headers=headers)
        statuses[answer.status_code] += 1
        assert answer.status_code < 500, asked
        assert answer.status_code not in (201, 202), asked
        answer.close()

    gc.collect()
    assert {200, 400, 404, 405, 422} <= statuses.keys()
    assert COUNT // 4 == statuses.total()
    assert [] == _left(world.vault.files.folder)
    with world.vault.database.read() as conn:
        for table in (certificate, file):
            assert 0 == conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def _left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]

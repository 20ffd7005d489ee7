"""Small files that need much time or memory to open."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

MEGABYTE = 1 << 20
PAGE = {
    1: b"<</Type/Catalog/Pages 2 0 R>>",
    2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
    3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>>>",
}
#: In a cross-reference stream: an object's kind, its place, its number there.
ROW = ">BIH"


def unfolding_objects(megabytes: int) -> bytes:
    """A PDF whose one compressed object is followed by so much nothing."""
    packed = _deflated(b"6 0 <</A 1>>", b" ", megabytes)
    head = b"<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length %d>>" % len(packed)
    body, places = _written({**PAGE, 5: _stream(head, packed)})
    rows = [
        struct.pack(ROW, 1, places[n], 0) if n in places else struct.pack(ROW, 0, 0, 65535)
        for n in range(6)
    ]
    rows.append(struct.pack(ROW, 2, 5, 0))
    return _closed(body, zlib.compress(b"".join(rows)), size=7)


def unfolding_table(megabytes: int) -> bytes:
    """A PDF whose table of objects unfolds to so much."""
    body, _ = _written(PAGE)
    rows = _deflated(b"", b"\0", megabytes)
    return _closed(body, rows, size=megabytes * MEGABYTE // struct.calcsize(ROW))


def png_with_more(png: bytes, *, megabytes: int) -> bytes:
    """A PNG as it was, whose pixels are followed by so much nothing."""
    place = png.index(b"IDAT") - 4
    (size,) = struct.unpack_from(">I", png, place)
    chunk = b"IDAT" + _deflated(
        zlib.decompress(png[place + 8 : place + 8 + size]), b"\0", megabytes
    )
    more = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return png[:place] + more + png[place + size + 12 :]


def _deflated(begin: bytes, fill: bytes, megabytes: int) -> bytes:
    deflate = zlib.compressobj(1)
    parts = [deflate.compress(begin)]
    parts += [deflate.compress(fill * MEGABYTE) for _ in range(megabytes)]
    return b"".join([*parts, deflate.flush()])


def _written(objects: Mapping[int, bytes]) -> tuple[bytes, dict[int, int]]:
    body, places = b"%PDF-1.7\n", {}
    for number, content in objects.items():
        places[number] = len(body)
        body += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    return body, places


def _stream(head: bytes, content: bytes) -> bytes:
    return head + b"stream\n" + content + b"\nendstream"


def _closed(body: bytes, rows: bytes, *, size: int) -> bytes:
    head = b"<</Type/XRef/Size %d/W[1 4 2]/Root 1 0 R/Filter/FlateDecode/Length %d>>"
    table = _stream(head % (size, len(rows)), rows)
    return body + b"%d 0 obj\n" % size + table + b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(body)


def many_scans(count: int, *, side: int = 6320) -> bytes:
    """A progressive JPEG that says nothing of many pixels, and that again and again."""
    blocks = (side // 8) ** 2
    frame = struct.pack(">BHHB", 8, side, side, 1) + bytes([1, 0x11, 0])
    one_code = bytes([1] + [0] * 15)
    # "Nothing more in the next 32,767 blocks", as often as there are blocks for it.
    runs = ("0" + "1" * 14) * (blocks // 32767 + 2)
    runs += "1" * (-len(runs) % 8)
    nothing = int(runs, 2).to_bytes(len(runs) // 8, "big").replace(b"\xff", b"\xff\0")
    first = _segment(0xDA, bytes([1, 1, 0, 0, 0, 0])) + bytes(blocks // 8 + 2)
    again = _segment(0xDA, bytes([1, 1, 0, 1, 63, 0])) + nothing
    tables = _segment(0xC4, bytes([0x00]) + one_code + bytes([0x00]))
    tables += _segment(0xC4, bytes([0x10]) + one_code + bytes([0xE0]))
    quantised = _segment(0xDB, bytes([0] + [1] * 64)) + _segment(0xC2, frame)
    return b"\xff\xd8" + quantised + tables + first + again * count + b"\xff\xd9"


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content

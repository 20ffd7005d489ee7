"""The program of the children that sign: seals one PDF after another, as `vault.sealer` asks."""

from __future__ import annotations

import json
from functools import lru_cache

from runtime.child_process import Head, Message, serve
from vault.seal import seal
from vault.signing import SigningKey, SigningProblem, from_json

#: Bytes of address space; a certificate takes a twentieth.
MEMORY = 2 << 30


def answer(head: Head, content: bytes) -> Message:
    """Sign a PDF with the key that comes with it."""
    try:
        return {}, seal(content, _key(json.dumps(head["key"])), name=head["name"])
    except SigningProblem as exc:
        return {"refused": str(exc)}, b""


@lru_cache(maxsize=64)
def _key(told: str) -> SigningKey:
    # The same object each time: it is what vault.seal remembers an opened key by.
    return from_json(json.loads(told))


def main() -> None:
    """Answer until the parent is gone."""
    serve(answer, memory=MEMORY)


if __name__ == "__main__":
    main()

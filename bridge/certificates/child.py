"""The process that runs Typst: one page a request, nothing of ours imported, ended by EOF.

Started by bridge.certificates.process as a script, with the number of a connected socket and the
folder of our fonts. It first sends the fonts it has, then answers each request with ``P`` and a
PDF, or ``E`` and what Typst said, as JSON.

An endless loop in a template cannot be stopped from inside (Typst has no limit of its own), so
this process expects to be killed. If the one that would kill it has died, the kernel does it:
an interval timer is armed for each page, and SIGALRM keeps its default action.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from multiprocessing.connection import Connection
from typing import Any

import typst

#: Bytes of address space; a template that eats memory ends itself, not the machine.
MEMORY = 2 << 30


def faces(fonts: typst.Fonts) -> list[dict[str, Any]]:
    """Every font face that a page may be printed with, as Typst sees it."""
    return [
        {
            "family": face.family,
            "style": face.style,
            "weight": face.weight,
            "stretch": face.stretch,
            "path": face.path,
            "index": face.index,
        }
        for face in fonts.fonts()
        if face.path is not None
    ]


class Printer:
    """Compiles pages; keeps one compiler a template, which is what makes the next page cheap."""

    def __init__(self, fonts: typst.Fonts) -> None:
        self._fonts = fonts
        self._compilers: dict[str, typst.Compiler] = {}

    def answer(self, request: dict[str, Any]) -> bytes:
        """Return ``P`` and the PDF, or ``E`` and Typst's diagnosis."""
        try:
            return b"P" + self._print(request)
        except typst.TypstError as error:
            said = {"message": error.message, "hints": error.hints, "where": error.diagnostic}
            return b"E" + json.dumps(said).encode()

    def _print(self, request: dict[str, Any]) -> bytes:
        pdf = self._compiler(request["root"]).compile(
            format="pdf",
            sys_inputs={"data": request["data"]},
            timestamp=request["timestamp"],
            pdf_standards=request["standards"],
        )
        if not isinstance(pdf, bytes):  # Typst answers one document for the format PDF
            raise TypeError(f"Typst answered {type(pdf).__name__} where a PDF was asked for.")
        return pdf

    def _compiler(self, root: str) -> typst.Compiler:
        if root not in self._compilers:
            self._compilers[root] = typst.Compiler(
                input=f"{root}/template.typ",
                root=root,
                font_paths=self._fonts,
                package_path=f"{root}/packages",
                package_cache_path=f"{root}/packages",
            )
        return self._compilers[root]


def serve(connection: Connection, fonts: typst.Fonts) -> None:
    """Answer requests until the other end closes, however it ends."""
    printer = Printer(fonts)
    connection.send_bytes(json.dumps(faces(fonts)).encode())
    while True:
        try:
            request = json.loads(connection.recv_bytes())
        except (EOFError, ConnectionError):
            return
        signal.setitimer(signal.ITIMER_REAL, request["limit"] + 1)
        answer = printer.answer(request)
        signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            connection.send_bytes(answer)
        except ConnectionError:
            return


def main() -> None:
    """Serve the socket whose number is the first argument, with the fonts in the second."""
    # Ctrl-C reaches the whole group; when to end is the parent's to say, by closing the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    fonts = typst.Fonts(
        include_system_fonts=True, include_embedded_fonts=False, font_paths=[sys.argv[2]]
    )
    serve(Connection(int(sys.argv[1])), fonts)


if __name__ == "__main__":
    main()

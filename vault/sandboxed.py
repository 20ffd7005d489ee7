"""The program of the sandbox's children: opens one file after another, as `vault.sandbox` asks."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pikepdf.settings

from runtime.child_process import Head, Message, serve
from vault import qr
from vault.documents import bears_signature, inspect
from vault.images import OddImage, to_pdf
from vault.kinds import FileKind, FileRefused
from vault.strip import named_on

if TYPE_CHECKING:
    from vault.stamp import Stamper

#: Bytes of address space. A picture of the most pixels takes 700 MB on its way to a PDF.
MEMORY = 2 << 30
#: What one stream of a PDF may unfold to where it must be read; pages and pictures need not be.
LARGEST_STREAM = 100 << 20


def answer(head: Head, content: bytes) -> Message:
    """Do what is asked with a file."""
    try:
        return DOES[head["do"]](head, content)
    except FileRefused as exc:
        return {"refused": str(exc)}, b""
    except OddImage as exc:
        return {"refused": f"The certificate file {exc}"}, b""


def _inspect(_head: Head, content: bytes) -> Message:
    return {"kind": inspect(content).value}, b""


def _look_for_strips(_head: Head, content: bytes) -> Message:
    return {"named": named_on(content)}, b""


def _stamp(head: Head, content: bytes) -> Message:
    if head["kind"] != FileKind.PDF.value:
        content = to_pdf(content)
    elif bears_signature(content):
        return {"signed": True}, b""
    strip = head["strip"]
    return {"signed": False}, _stamper().stamp(content, **strip, qr_svg=qr.svg(strip["url"]))


@cache
def _stamper() -> Stamper:
    # Fonts and compiler take half a second, and the web needs neither.
    from vault.stamp import Stamper  # noqa: PLC0415

    return Stamper()


DOES = {"inspect": _inspect, "stamp": _stamp, "look for strips": _look_for_strips}


def main() -> None:
    """Answer until the parent is gone."""
    pikepdf.settings.set_qpdf_limits(
        flate_max_memory=LARGEST_STREAM,
        run_length_max_memory=LARGEST_STREAM,
        png_max_memory=LARGEST_STREAM,
        tiff_max_memory=LARGEST_STREAM,
    )
    serve(answer, memory=MEMORY)


if __name__ == "__main__":
    main()

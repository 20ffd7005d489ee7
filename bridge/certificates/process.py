"""The child processes that print, and what went wrong with one in words for whoever made the page.

Safe from several threads. A process forked from this one starts children of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import runtime.child
from bridge.certificates.page import RenderError, TooSlow
from runtime.child import Child, Children, Died, NotStarted, TooLarge

_PROGRAM = "bridge.certificates.child"
#: Typst fetches ``@`` packages over https by way of the environment's proxy; port 9 discards.
_NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")


class Printers:
    """The printing children of a renderer, each started with the first page that finds none free.

    ``fonts`` unpacks our fonts and says where, when one is started; ``limit`` is for one page.
    """

    def __init__(self, *, fonts: Callable[[], Path], limit: timedelta, count: int) -> None:
        self._limit = limit
        self._children = Children(
            lambda: Child(
                _PROGRAM, limit=limit, arguments=lambda: [str(fonts())], environment=_NO_NETWORK
            ),
            count=count,
        )

    @property
    def process_id(self) -> int | None:
        """The id of the first child; None while there is none."""
        return self._children.first.process_id

    def faces(self) -> Sequence[dict[str, Any]]:
        """The font faces they print with. Raises RenderError where none can be started."""
        faces: Sequence[dict[str, Any]] = self._greeting()["faces"]
        return faces

    def faces_in(self, root: str) -> Sequence[dict[str, Any]]:
        """The font faces that lie in a template's folder. Raises RenderError."""
        head, _ = self._ask({"fonts_in": root})
        faces: Sequence[dict[str, Any]] = head["faces"]
        return faces

    def typst(self) -> str:
        """The version of Typst they print by. Raises RenderError where none can be started."""
        return str(self._greeting()["typst"])

    def print(self, request: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, bytes]:
        """Return (what Typst said against the page, the PDF): one of the two.

        Raises TooSlow after the limit, and RenderError where two children in a row died of it.
        """
        head, pdf = self._ask(request)
        return head.get("refused"), pdf

    def _ask(self, request: Mapping[str, Any]) -> tuple[Mapping[str, Any], bytes]:
        try:
            return self._children.ask(request)
        except runtime.child.TooSlow as error:
            limit = f"{self._limit.total_seconds():g} s"
            raise TooSlow(f"The template did not end within {limit}.") from error
        except (Died, TooLarge) as error:
            raise RenderError(
                "The process that prints certificates died of this page, twice.",
                remedy="Look for what needs much memory: a huge logo, or a loop in the template.",
                code="printer_died",
            ) from error
        except NotStarted as error:
            raise _missing() from error

    def _greeting(self) -> Mapping[str, Any]:
        try:
            return self._children.first.greeting()
        except NotStarted as error:
            raise _missing() from error

    def close(self) -> None:
        """End the children. They are started again when needed."""
        self._children.close()


def _missing() -> RenderError:
    return RenderError(
        "The process that prints certificates does not start.",
        remedy="Its error output says why: is the package typst installed and whole?",
        code="printer_missing",
    )

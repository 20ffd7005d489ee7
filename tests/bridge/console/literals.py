"""Finds in templates and code of the console what people read and no translator would see."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from jinja2 import Environment
from jinja2.lexer import TOKEN_DATA

#: What stands for an expression, a block, or a comment.
FILLED = "¤"
#: Attributes that people read or hear.
READ = {"title", "alt", "placeholder", "aria-label", "aria-description"}
#: The same in every language.
NAMES = {
    "Vaultbridge",
    "UTC",
    "CSV",
    "JSON",
    "YAML",
    "PDF",
    "ZIP",
    "API",
    "OpenAPI",
    "v",
    "h",
    "s",
    "kB",
}
#: What is inside is no text of ours in a language.
CODE = {"code", "pre", "script", "style", "kbd", "samp"}
_WORD = re.compile(r"[^\W\d_]+")
_TITLES = {"message", "Failed"}


class _Read(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in CODE:
            self._inside.append(tag)
        for name, value in attrs:
            if name in READ:
                self._look(value or "")

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self._look(data)

    def _look(self, text: str) -> None:
        if set(_WORD.findall(text)) - NAMES:
            self.found.append(" ".join(text.split()))


def in_template(source: str) -> list[str]:
    """Texts of a template that do not go through gettext."""
    kept = []
    for _, kind, text in Environment(autoescape=True).lex(source):
        kept.append(text if kind == TOKEN_DATA else FILLED)
    reader = _Read()
    reader.feed(re.sub(f"{FILLED}+", FILLED, "".join(kept)))
    reader.close()
    return reader.found


def _says_something(given: ast.expr) -> bool:
    parts = given.values if isinstance(given, ast.JoinedStr) else [given]
    texts = [str(one.value) for one in parts if isinstance(one, ast.Constant)]
    return any(_WORD.search(text) for text in texts)


def in_code(path: Path) -> Iterator[str]:
    """Titles and sentences that a view hands to `message` as they stand."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        if node.func.id in _TITLES:
            for given in node.args:
                if _says_something(given):
                    yield f"{path.name}:{given.lineno}"

"""A connector's own instructions, from the Markdown beside its code to HTML that can do no harm."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from flask import url_for
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from connectors import registry
from connectors.base import Connector

_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
#: Below the page's own heading.
_LOWER = {f"h{level}": f"h{min(level + 1, 6)}" for level in range(1, 7)}


def instructions(connector: type[Connector[Any]]) -> Markup | None:
    """How to connect the LMS, as its connector's author wrote it; None if there is nothing."""
    text = registry.beside(connector, registry.INSTRUCTIONS)
    return None if text is None else _rendered(connector, text.decode("utf-8", "replace"))


def _rendered(connector: type[Connector[Any]], text: str) -> Markup:
    markdown = _markdown()
    tokens = markdown.parse(text)
    for token in tokens:
        token.tag = _LOWER.get(token.tag, token.tag)
        if token.children:
            token.children = _harmless(connector, token.children)
    # Markdown's own HTML is off: whatever stands in the text is escaped.
    return Markup(markdown.renderer.render(tokens, markdown.options, {}))  # noqa: S704


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _harmless(connector: type[Connector[Any]], tokens: list[Token]) -> list[Token]:
    """Without pictures, and without links to where nothing is from here."""
    kept: list[Token] = []
    leads: list[bool] = []  # of each link that is open
    for token in tokens:
        if token.type == "link_open":
            address = _address(connector, str(token.attrs.get("href", "")))
            leads.append(address is not None)
            if address is None:
                continue
            token.attrs = {"href": address, "rel": "noopener"}
        elif token.type == "link_close":
            if not leads.pop():
                continue
        elif token.type == "image":
            token = Token("text", "", 0, content=token.content)  # noqa: PLW2901
        kept.append(token)
    return kept


def _address(connector: type[Connector[Any]], href: str) -> str | None:
    if href.startswith(("https://", "http://")):
        return href
    if _FILE.fullmatch(href) and registry.beside(connector, href) is not None:
        return url_for("console.connector_file", connector=connector.name, name=href)
    return None

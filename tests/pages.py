"""A page as tests read it, and what of it would fail a screen reader or a phone."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from typing import Protocol

VIEWPORT = {"name": "viewport", "content": "width=device-width, initial-scale=1"}
LANDMARKS = ("header", "nav", "main", "footer")
#: Inside these a header or footer is a part of theirs, and no landmark.
SECTIONS = {"main", "article", "section"}
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
FIELDS = ("input", "select", "textarea")
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


class Answer(Protocol):
    """An answer of either kind of client."""

    @property
    def text(self) -> str: ...


class Page(HTMLParser):
    """The parts of a page that tests ask for."""

    def __init__(self, response: Answer) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.landmarks: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(response.text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in LANDMARKS and (tag in {"nav", "main"} or SECTIONS.isdisjoint(self._open)):
            self.landmarks.append(tag)
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while tag in self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """What each of these elements carries."""
        return [attrs for name, attrs in self.tags if name == tag]

    def hrefs(self) -> list[str]:
        """Where its links lead."""
        return [attrs["href"] or "" for attrs in self.all("a")]


def flaws(page: Page) -> list[str]:
    """What a screen reader or a phone would make nothing of; of a well made page, nothing."""
    return [*_of_the_whole(page), *_of_its_headings(page), *_of_its_ids(page), *_of_its_parts(page)]


def _of_the_whole(page: Page) -> Iterator[str]:
    if sorted(LANDMARKS) != sorted(page.landmarks):
        yield f"its landmarks are {page.landmarks}"
    if VIEWPORT not in page.all("meta"):
        yield "it has no viewport"
    if not all(html.get("lang") and html.get("dir") for html in page.all("html")):
        yield "it does not say its language and direction"
    if page.all("script"):
        yield "it has a script"


def _of_its_headings(page: Page) -> Iterator[str]:
    levels = [HEADINGS.index(tag) + 1 for tag, _ in page.tags if tag in HEADINGS]
    if 1 != levels.count(1) or 1 != levels[0]:
        yield "it does not begin with its one h1"
    if any(after > before + 1 for before, after in pairwise(levels)):
        yield f"its headings leave out a level: {levels}"


def _of_its_ids(page: Page) -> Iterator[str]:
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    if len(ids) != len(set(ids)):
        yield f"an id stands twice: {ids}"
    for tag, attrs in page.tags:
        for name in ("for", "aria-describedby", "aria-labelledby"):
            if not set((attrs.get(name) or "").split()) <= set(ids):
                yield f"{tag} names an id that is not there: {attrs[name]}"


def _of_its_parts(page: Page) -> Iterator[str]:
    labelled = {attrs.get("for") for attrs in page.all("label")}
    for tag, attrs in page.tags:
        is_shown = tag in FIELDS and attrs.get("type") != "hidden"
        if is_shown and attrs.get("id") not in labelled and not attrs.get("aria-label"):
            yield f"a field has no label: {attrs}"
        if tag == "nav" and not attrs.get("aria-label"):
            yield "its nav has no name"
        if tag == "img" and "alt" not in attrs:
            yield f"a picture has no text: {attrs}"
        if {"style", "onclick"} & attrs.keys():
            yield f"{tag} has a style or a script of its own"

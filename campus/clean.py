"""What Moodle makes of a comment before a learner sees it: cleaned HTML, or a line for teachers.

Source: observed on Moodle 4.5.6 (HTML Purifier): scripts, ``on…``, ``data-…`` and comments go,
an address that is not of the web goes, ``target`` brings ``rel="noreferrer noopener"``.
Moodle keeps a cleaned ``style``; here it goes too.
"""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit

#: As far as a teacher's grader report shows a comment, in characters.
PREVIEW = 20
FORMAT_HTML = 1

KEPT_BLOCKS = frozenset(
    ("blockquote", "div", "h3", "h4", "h5", "hr", "li", "ol", "p", "pre", "table", "tbody", "td")
)
KEPT_WORDS = frozenset(
    ("a", "b", "br", "code", "em", "i", "img", "s", "span", "strong", "sub", "sup", "u")
)
KEPT_TAGS = KEPT_BLOCKS | KEPT_WORDS | {"th", "thead", "tr", "ul"}
EMPTY_TAGS = frozenset({"br", "hr", "img"})
#: Their content goes with them.
DROPPED_TAGS = frozenset({"script", "style", "iframe", "object", "template"})
KEPT_ATTRIBUTES = {
    "a": ("href", "target", "class", "lang", "dir", "title"),
    "img": ("src", "alt", "class"),
}
KEPT_ANYWHERE = ("class", "lang", "dir", "title")
ADDRESSES = frozenset({"href", "src"})
WEB = frozenset({"http", "https", "mailto", ""})


def shown(text: str, text_format: int) -> str:
    """Return a stored comment as the learner's user report shows it; HTML only in format 1."""
    if text_format != FORMAT_HTML:
        return escape(text)
    cleaner = _Cleaner()
    cleaner.feed(text)
    cleaner.close()
    return "".join(cleaner.out)


def preview(text: str, text_format: int) -> str:
    """Return the first 20 characters of what is shown, without any markup."""
    reader = _Reader()
    reader.feed(shown(text, text_format))
    reader.close()
    words = " ".join("".join(reader.texts).split())
    return words if len(words) <= PREVIEW else f"{words[:PREVIEW]}…"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        self.texts.append(" " if tag in {"p", "div", "li"} else "")


class _Cleaner(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self._open: list[str] = []
        self._dropping = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in DROPPED_TAGS:
            self._dropping += 1
        elif tag in KEPT_TAGS and not self._dropping:
            self.out.append(_start(tag, {name: value or "" for name, value in attrs}))
            if tag not in EMPTY_TAGS:
                self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in DROPPED_TAGS:
            self._dropping = max(self._dropping - 1, 0)
        elif not self._dropping and tag in self._open:
            while (last := self._open.pop()) != tag:
                self.out.append(f"</{last}>")
            self.out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._dropping:
            self.out.append(escape(data, quote=False))

    def close(self) -> None:
        super().close()
        self.out.extend(f"</{tag}>" for tag in reversed(self._open))


def _start(tag: str, attributes: dict[str, str]) -> str:
    kept = {
        name: attributes[name]
        for name in KEPT_ATTRIBUTES.get(tag, KEPT_ANYWHERE)
        if name in attributes and (name not in ADDRESSES or _is_web(attributes[name]))
    }
    if tag == "img":
        kept.setdefault("alt", kept.get("src", ""))
    if "target" in kept:
        kept["rel"] = "noreferrer noopener"
    text = "".join(f' {name}="{escape(value)}"' for name, value in kept.items())
    return f"<{tag}{text} />" if tag in EMPTY_TAGS else f"<{tag}{text}>"


def _is_web(address: str) -> bool:
    try:
        return urlsplit(address.strip()).scheme.lower() in WEB
    except ValueError:
        return False

"""YAML with places: the data of a document, and on which line and column each part stands.

Only plain YAML is read: no anchors, aliases, tags or second documents, no key twice. Each scalar
stays as it was written (course number 007 is "007"), with the kind YAML gives it beside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from mappings.mistakes import DocumentError, Mistake

SIZE_LIMIT = 64 * 1024  #: bytes of UTF-8
DEPTH_LIMIT = 10
EVENT_LIMIT = 5_000  #: keys, values, beginnings and ends; PyYAML takes 0.1 ms for each

WHOLE = "document"

KeyPath: TypeAlias = "tuple[str | int, ...]"

_KINDS = {
    "tag:yaml.org,2002:bool": "truth",
    "tag:yaml.org,2002:float": "number",
    "tag:yaml.org,2002:int": "number",
}
_NOTHING = "tag:yaml.org,2002:null"
_BRACES = 'a text with {{ }} stands in quotes: "{{ … }}"'

#: What PyYAML says, and what it nearly always means in a mapping.
_HINTS = {
    "mapping values are not allowed": 'check the indentation; quote a text with ": " in it',
    "found character '\\t'": "a tab stands here; indent with spaces",
    "found character '%'": 'a text that begins with {% stands in quotes: "{% … %}"',
    "found character '@'": 'a text that begins with @ stands in quotes: "…"',
    "found character '`'": 'a text that begins with ` stands in quotes: "…"',
    "found unexpected end of stream": "a quote is opened and never closed",
    "expected <block end>": "check the indentation; quote a text with {{ }} in it",
    "could not find expected ':'": "this line has no colon after its key",
    "did not find expected": "this does not belong here; check brackets, commas and quotes",
    "found unknown escape character": "in \"…\" a \\ must be written \\\\; or use '…'",
    "expected ',' or": "this does not belong here; check brackets, commas and quotes",
}


class Scalar(str):
    """A single value as it was written; ``kind`` is "text", "number" or "truth"."""

    kind: str = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A document's data and where its parts stand."""

    text: str = field(repr=False)
    data: dict[str, Any] = field(default_factory=dict)
    keys: dict[KeyPath, yaml.Node] = field(repr=False, default_factory=dict)
    values: dict[KeyPath, yaml.Node] = field(repr=False, default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)  #: those of its YAML
    #: Where the data is not what was meant: nothing more is to be said of it.
    unreadable: set[KeyPath] = field(default_factory=set)

    def mistake(
        self, path: KeyPath, problem: str, *, offset: int | None = None, on_key: bool = False
    ) -> Mistake:
        """The mistake of one value, at ``offset`` characters into it; or of its key."""
        node = None if on_key else self.values.get(path)
        line, column = self._key_place(path) if node is None else _place(self.text, node, offset)
        return Mistake(line=line, column=column, key=dotted(path), problem=problem)

    def _key_place(self, path: KeyPath) -> tuple[int, int]:
        while path and path not in self.keys:
            path = path[:-1]
        return _start(self.keys[path]) if path else (1, 1)


def dotted(path: KeyPath) -> str:
    """The key as an admin knows it: "entry.full_name"; the number in a list is left out."""
    return ".".join(part for part in path if isinstance(part, str)) or WHOLE


def read(text: str) -> Located:
    """Return a document's data with its places.

    Raises DocumentError if it is no YAML, too large, empty, or uses more of YAML than it may.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > SIZE_LIMIT:
        raise _refused(1, 1, f"is {size} bytes large; at most {SIZE_LIMIT}")
    try:
        _refuse_extras(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as exc:
        raise _syntax_error(exc) from exc
    except yaml.reader.ReaderError as exc:
        before = text[: exc.position]
        line, column = before.count("\n") + 1, exc.position - before.rfind("\n")
        problem = f"the invisible character U+{int(exc.character):04X} is not allowed"
        raise _refused(line, column, problem) from exc
    except ValueError as exc:
        raise _refused(1, 1, f"is not YAML: {exc}") from exc
    if not isinstance(root, yaml.MappingNode):
        raise _refused(1, 1, 'is no mapping: it begins with "mapping: 1"')
    located = Located(text=text)
    located.data.update(_Reader(located).of_mapping((), root))
    return located


def _refused(line: int, column: int, problem: str) -> DocumentError:
    return DocumentError([Mistake(line=line, column=column, key=WHOLE, problem=problem)])


def _syntax_error(error: yaml.MarkedYAMLError) -> DocumentError:
    said = error.problem or error.context or "cannot be read"
    hints = [hint for start, hint in _HINTS.items() if said.startswith(start)]
    mark = error.problem_mark or error.context_mark
    if "end of stream" in said or said.startswith("could not find"):
        mark = error.context_mark or mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return _refused(line, column, f"is not YAML: {(hints or [said])[0]}")


def _refuse_extras(text: str) -> None:
    mistakes: list[Mistake] = []
    depth = documents = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        opens = isinstance(event, yaml.CollectionStartEvent)
        depth += opens - isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        problem = _extra(event, depth, documents, count)
        if problem and event.start_mark:
            line, column = event.start_mark.line + 1, event.start_mark.column + 1
            mistakes.append(Mistake(line=line, column=column, key=WHOLE, problem=problem))
        if depth > DEPTH_LIMIT or count > EVENT_LIMIT:
            break
    if mistakes:
        raise DocumentError(mistakes)


def _extra(event: yaml.Event, depth: int, documents: int, count: int) -> str | None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        return "anchors (&) and aliases (*) are not allowed: write the value out"
    if tag := getattr(event, "tag", None):
        short = tag.replace("tag:yaml.org,2002:", "!!")
        return f"the tag {short} is not allowed: write the value alone"
    if documents > 1 and isinstance(event, yaml.DocumentStartEvent):
        return "a second document begins here; one file holds one mapping"
    if depth > DEPTH_LIMIT:
        return f"is nested more than {DEPTH_LIMIT} deep"
    if count > EVENT_LIMIT:
        return "holds far more keys and values than any mapping"
    return None


class _Reader:
    """Turns nodes into data, noting where each stood."""

    def __init__(self, located: Located) -> None:
        self._located = located

    def of_mapping(self, path: KeyPath, node: yaml.MappingNode) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                data[key.value] = self._entry((*path, key.value), key, value)
            else:
                problem = _BRACES if _is_braces(node) else "a key must be a single word"
                self._located.mistakes.append(self._located.mistake(path, problem))
                self._located.unreadable.add(path)
        return data

    def _entry(self, path: KeyPath, key: yaml.Node, value: yaml.Node) -> Any:
        earlier = self._located.keys.get(path)
        self._located.keys[path] = key
        if earlier is not None:
            self._forget_below(path)
            problem = f"stands here twice; it is also on line {_start(earlier)[0]}"
            self._located.mistakes.append(self._located.mistake(path, problem, on_key=True))
        return self._of(path, value)

    def _forget_below(self, path: KeyPath) -> None:
        if isinstance(self._located.values[path], yaml.ScalarNode):
            return
        for known in (self._located.keys, self._located.values):
            for below in [each for each in known if each[:-1][: len(path)] == path]:
                del known[below]

    def _of(self, path: KeyPath, node: yaml.Node) -> Any:
        self._located.values[path] = node
        if isinstance(node, yaml.MappingNode):
            return self.of_mapping(path, node)
        if isinstance(node, yaml.SequenceNode):
            return [self._of((*path, index), child) for index, child in enumerate(node.value)]
        if node.tag == _NOTHING:
            return None
        scalar = Scalar(node.value)
        scalar.kind = _KINDS.get(node.tag, "text")
        return scalar


def _is_braces(node: yaml.MappingNode) -> bool:
    # Unquoted, {{ x }} is a mapping whose key is a mapping.
    return bool(node.flow_style) and isinstance(node.value[0][0], yaml.MappingNode)


def _start(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _place(text: str, node: yaml.Node, offset: int | None) -> tuple[int, int]:
    """Where a character of a value stands; the value's start where YAML folded or escaped it."""
    line, column = _start(node)
    if offset is None or not isinstance(node, yaml.ScalarNode) or offset > len(node.value):
        return line, column
    if node.style == "|":
        return next(_in_block(text, node, offset), (line, column))
    quote = 1 if node.style in ("'", '"') else 0
    raw = text[node.start_mark.index + quote : node.end_mark.index - quote]
    return (line, column + quote + offset) if raw == node.value else (line, column)


def _in_block(text: str, node: yaml.ScalarNode, offset: int) -> Iterator[tuple[int, int]]:
    before = node.value[:offset]
    wanted = node.value.split("\n")[before.count("\n")]
    number = node.start_mark.line + 1 + before.count("\n")
    lines = text.splitlines()
    if number < len(lines) and lines[number].endswith(wanted):
        inside = offset - (before.rfind("\n") + 1)
        yield number + 1, len(lines[number]) - len(wanted) + inside + 1

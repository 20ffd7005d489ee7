"""Changes single values of a mapping document where they stand; all else stays as it was written.

Comments, order, blank lines and quotes around what is not changed stay, to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from mappings.locate import KeyPath, Located, read

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*(?: [A-Za-z0-9][A-Za-z0-9_./@-]*)*")
#: What YAML 1.1 takes for something else than a text.
_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "null", "y", "n"))
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
#: Line ends as YAML knows them, which a block cannot hold, and the mark of byte order.
_ODD = "\x85\u2028\u2029\ufeff"


@dataclass(frozen=True, slots=True)
class Raw:
    """YAML as it is to stand there: a number, ``true``, ``{after: 300 days}``."""

    text: str


#: What can be written: a text, several, YAML as it stands; None takes the key away.
Written = str | Sequence[str] | Raw | None


def write(text: str, path: KeyPath, value: Written) -> str:
    """The document with one value changed.

    A key that is not there is put where ORDER has it in its group; of a group whose last key is
    taken away nothing stays. Raises DocumentError where the document is no YAML.
    """
    located = read(text)
    if value is None:
        return _without(located, path)
    if path in located.values:
        return _instead(located, path, value)
    return _added(located, path, value)


def scalar(value: str) -> str:
    """A text on one line: plain where that is safe, else in double quotes."""
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable() or char in "\u200c\u200d":  # as names in some scripts have them
        return char
    return f"\\U{ord(char):08x}"


def _flow(value: str | Sequence[str] | Raw) -> str:
    """A value on one line, wherever it stands."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, str):
        return scalar(value)
    if len(value) == 1:
        return scalar(value[0])
    return "[" + ", ".join(map(scalar, value)) + "]"


def _block(value: str, indent: int) -> str | None:
    """A text of several lines as it is best read; None where it cannot be written so."""
    lines = value.split("\n")
    odd = any(not (char.isprintable() or char == "\n") or char in _ODD for char in value)
    unclear = not lines[0].strip() or lines[0][0] == " " or value.endswith("\n\n")
    if len(lines) < 2 or odd or unclear or any(line != line.rstrip() for line in lines):
        return None
    mark = "|" if value.endswith("\n") else "|-"
    pad = " " * indent
    body = [f"{pad}{line}" if line else "" for line in value.removesuffix("\n").split("\n")]
    return "\n".join([mark, *body])


def _instead(located: Located, path: KeyPath, value: str | Sequence[str] | Raw) -> str:
    text, node, key = located.text, located.values[path], located.keys[path]
    start, end = node.start_mark.index, _end(text, node)
    alone = not text[end : _line_end(text, end)].strip()
    new = _flow(value)
    if isinstance(value, str) and alone and not _is_flow(located, path[:-1]):
        new = _block(value, key.start_mark.column + 2) or new
    if isinstance(node, yaml.ScalarNode) and node.style == "'" and isinstance(value, str):
        new = _single(value) or new
    elif isinstance(node, yaml.ScalarNode) and node.style == '"' and new == value:
        new = f'"{value}"'
    if start == end or isinstance(node, yaml.CollectionNode):
        # Beside its key, whatever stood there, or on the lines below; a comment between stays.
        colon = text.index(":", key.end_mark.index) + 1
        between = text[colon:start].rstrip()
        return f"{text[:colon]} {new}{between}{text[end:]}"
    return text[:start] + new + text[end:]


def _single(value: str) -> str | None:
    if "\n" in value or not all(char.isprintable() for char in value):
        return None
    return "'" + value.replace("'", "''") + "'"


def _added(located: Located, path: KeyPath, value: str | Sequence[str] | Raw) -> str:
    """The document with a key more, and with its group, if that is not there."""
    text, group, name = located.text, path[:-1], path[-1]
    name = scalar(str(name))
    if group and not isinstance(located.values.get(group), yaml.MappingNode):
        if group not in located.values and len(group) == 1:
            return _added_group(located, group, f"{name}: {_flow(value)}")
        whole = Raw(f"{{{name}: {_flow(value)}}}")
        is_there = group in located.values  # as a key with nothing, or nonsense, behind it
        return _instead(located, group, whole) if is_there else _added(located, group, whole)
    if _is_flow(located, group):
        node = located.values[group]
        last = node.end_mark.index - 1
        before = text[:last].rstrip()
        comma = "" if before.endswith(("{", ",")) else ","
        gap = "" if before.endswith("{") else " "
        return f"{before}{comma}{gap}{name}: {_flow(value)}{text[last:]}"
    siblings = [known for known in located.keys if known[:-1] == group]
    indent = located.keys[siblings[0]].start_mark.column if siblings else 0
    new = _block(value, indent + 2) if isinstance(value, str) else None
    line = f"{' ' * indent}{name}: {new or _flow(value)}\n"
    return _put(located, siblings, path, line)


def _added_group(located: Located, group: KeyPath, line: str) -> str:
    tops = [known for known in located.keys if len(known) == 1]
    spaced = "\n" if "\n\n" in located.text else ""
    return _put(located, tops, group, f"{spaced}{group[-1]}:\n  {line}\n")


def _put(located: Located, siblings: Sequence[KeyPath], path: KeyPath, lines: str) -> str:
    """The document with lines more, where a key belongs among those of its group."""
    text, before = located.text, _before(siblings, path)
    if before is None:
        at = text.rfind("\n", 0, located.keys[siblings[0]].start_mark.index) + 1
        return text[:at] + lines + text[at:]
    at = _line_end(text, _end(text, located.values[before], located.keys[before]))
    head = text[:at] if text[:at].endswith("\n") else f"{text[:at]}\n"
    return head + lines + text[at:]


#: The order in which keys are written, within a group as well.
ORDER = (
    *("mapping", "name", "kind", "issuer", "site", "priority"),
    *("match", "course", "category", "cohort", "when"),
    *("entry", "certificate_title", "full_name", "applicant_email", "issue_date", "details"),
    *("hold", "names", "placeholders", "addresses", "older_than", "roles", "accounts"),
    *("certificate", "from", "template", "language", "paper", "parameters"),
    *("again", "valid_for", "write_back", "target", "text"),
)


def _before(siblings: Sequence[KeyPath], path: KeyPath) -> KeyPath | None:
    """Behind which of the keys of its group a new one belongs; None: before all."""

    def place(name: str | int) -> int:
        return ORDER.index(str(name)) if name in ORDER else len(ORDER)

    earlier = [each for each in siblings if place(each[-1]) <= place(path[-1])]
    return earlier[-1] if earlier else None


def _without(located: Located, path: KeyPath) -> str:
    if path not in located.keys:
        return located.text
    group = path[:-1]
    siblings = [known for known in located.keys if known[:-1] == group]
    if group and len(siblings) == 1:
        return _without(located, group)
    text, key, value = located.text, located.keys[path], located.values[path]
    start, end = key.start_mark.index, _end(text, value, key)
    if not _is_flow(located, group):
        line = text.rfind("\n", 0, start) + 1
        return text[:line] + text[_line_end(text, end) :]
    rest = text[end:]
    comma = re.match(r"\s*,\s*", rest)
    if comma:
        return text[:start] + rest[comma.end() :]
    return re.sub(r"\s*,\s*\Z", "", text[:start]) + rest


def _is_flow(located: Located, group: KeyPath) -> bool:
    """Whether a group, or one around it, is written as ``{…}``."""
    above = [located.values.get(group[:depth]) for depth in range(1, len(group) + 1)]
    return any(isinstance(node, yaml.CollectionNode) and node.flow_style for node in above)


def _line_end(text: str, at: int) -> int:
    """The beginning of the next line."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _end(text: str, node: yaml.Node, key: yaml.Node | None = None) -> int:
    """Where a value ends, without the comments and blank lines that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        return _end(text, *reversed(last)) if isinstance(last, tuple) else _end(text, last)
    start, end = node.start_mark.index, node.end_mark.index
    if start == end and key is not None:  # nothing stands there
        return text.index(":", key.end_mark.index) + 1
    return start + len(text[start:end].rstrip())

"""The project's papers as tests read them: headings, links, blocks of code, lines of commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
ROOT_PAPERS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")

_FENCE = re.compile(r"^( *)(`{3,})(\w*)[^\n]*\n(.*?)^ *\2 *$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block; ``language`` is empty where none is named."""

    language: str
    text: str


def papers() -> list[Path]:
    """Every paper that people read."""
    found = [ROOT / name for name in ROOT_PAPERS]
    found += (ROOT / "docs").rglob("*.md")
    found += (ROOT / "connectors").glob("*/README.md")
    return sorted(found)


def name_of(path: Path) -> str:
    """A paper's path inside the project, to tell which one a test is about."""
    return path.relative_to(ROOT).as_posix()


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a paper, without their indentation."""
    return [
        Block(language=language, text=re.sub(rf"(?m)^{indent}", "", body))
        for indent, _, language, body in _FENCE.findall(text)
    ]


def prose(text: str) -> str:
    """A paper without its fenced blocks."""
    return _FENCE.sub("", text)


def links(text: str) -> list[str]:
    """Where the links and pictures of a paper lead."""
    return _LINK.findall(_INLINE.sub("", prose(text)))


def anchors(text: str) -> set[str]:
    """The anchors of a paper's headings, as GitHub makes them."""
    plain = (heading.replace("`", "").lower() for heading in _HEADING.findall(prose(text)))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def inline_code(text: str) -> list[str]:
    """What stands between single backticks."""
    return _INLINE.findall(prose(text))


def command_lines(text: str) -> list[str]:
    """The lines of a paper's blocks that a shell would run, each whole."""
    return [line for block in blocks(text) for line in _shell_lines(block.text)]


def _shell_lines(text: str) -> Iterator[str]:
    for line in re.sub(r" *\\\n\s*", " ", text).splitlines():
        yield line.strip().removeprefix("$ ")


def words(line: str) -> list[list[str]]:
    """The simple commands of a shell line as words, without redirections and comments."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    commands: list[list[str]] = [[]]
    redirected = False
    for word in lexer:
        if set(word) <= set("();|&"):
            commands.append([])
        elif set(word) <= set("<>"):
            redirected = True
        elif redirected:
            redirected = False
        else:
            commands[-1].append(word)
    return [command for command in commands if command]

"""Commands in papers exist: programs, their commands and options, make's targets, the demo's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest

import campus.demo.__main__ as demo
from scripts import commands
from tests.docs.papers import ROOT, command_lines, inline_code, name_of, papers, words

TARGETS = re.compile(r"^([a-z]+):.*##", re.MULTILINE)
PLACEHOLDER = re.compile(r"[A-Z][A-Z_-]*(\.\.\.|…)?")
#: What may stand before a program: another that runs it.
RUNNERS = (
    re.compile(r"docker compose run(?: --rm| -T)* [a-z-]+ "),
    re.compile(r"docker run --rm vaultbridge "),
    re.compile(r"sudo -u [a-z]+ "),
    re.compile(r"(?:ExecStart=)?[\w./-]*/(?=vaultbridge)"),
)


def asked(text: str) -> Iterator[list[str]]:
    """The calls of our programs and of make in a paper's blocks."""
    for line in map(bare, command_lines(text)):
        if line.partition(" ")[0] in (*commands.PROGRAMS, "make"):
            yield from (call for call in words(line) if call[0] in (*commands.PROGRAMS, "make"))


def bare(line: str) -> str:
    """A line without what stands before its program."""
    runner = next((runner for runner in RUNNERS if runner.match(line)), None)
    return line if runner is None else runner.sub("", line, count=1)


def mistake(call: Sequence[str], *, whole: bool = True) -> str | None:
    """What is wrong with a call; ``whole`` if it must name all that the command needs."""
    if call[0] == "make":
        return _make_mistake(call[1:])
    group: click.Command = commands.PROGRAMS[call[0]]
    # With its own settings: a command keeps the help option that it is asked for first.
    context = click.Context(group, info_name=call[0], **group.context_settings)
    rest = list(call[1:])
    while isinstance(group, click.Group) and rest and not rest[0].startswith("-"):
        found = group.get_command(context, rest[0])
        if found is None:
            return None if PLACEHOLDER.fullmatch(rest[0]) else f"no command {rest[0]}"
        own = found.context_settings
        context = click.Context(found, info_name=rest.pop(0), parent=context, **own)
        group = found
    return _arguments_mistake(group, context, rest, whole=whole)


def _arguments_mistake(
    command: click.Command, context: click.Context, rest: list[str], *, whole: bool
) -> str | None:
    try:
        given, extra, _ = command.make_parser(context).parse_args(list(rest))
    except click.UsageError as exc:
        return exc.format_message()
    if extra:
        return f"nothing takes {' '.join(extra)}"
    for parameter in command.params:
        value = given.get(str(parameter.name))
        if whole and parameter.required and not _is_given(value):
            return f"lacks {parameter.name}"
        if not _is_choice(parameter.type, value):
            return f"{value} is none of {', '.join(parameter.type.choices)}"
    return None


def _is_given(value: object) -> bool:
    # Depending on its release, click has a mark of its own for what is not given.
    return isinstance(value, str | bool) or (isinstance(value, tuple | list) and bool(value))


def _is_choice(kind: click.ParamType, value: object) -> bool:
    if not isinstance(kind, click.Choice) or not isinstance(value, str):
        return True
    return value in kind.choices or bool(PLACEHOLDER.fullmatch(value))


def _make_mistake(rest: Sequence[str]) -> str | None:
    targets = TARGETS.findall((ROOT / "Makefile").read_text("utf-8"))
    for word in rest:
        name, assigned, value = word.partition("=")
        if not assigned and word not in targets:
            return f"no target {word}"
        if name == "ARGS" and "demo" in rest:
            try:
                demo._parser().parse_args(value.split())
            except SystemExit:
                return f"the demo does not take {value}"
    return None


def test_the_page_of_commands_is_what_the_programs_say():
    assert commands.paper() == commands.PAPER.read_text("utf-8")


@pytest.mark.parametrize("paper", papers(), ids=name_of)
def test_every_command_in_a_block_exists_and_is_whole(paper: Path):
    text = paper.read_text("utf-8")

    assert [] == [(" ".join(c), wrong) for c in asked(text) if (wrong := mistake(c))]


@pytest.mark.parametrize("paper", papers(), ids=name_of)
def test_every_command_in_the_text_exists(paper: Path):
    spans = [span for span in inline_code(paper.read_text("utf-8")) if "|" not in span]
    calls = [
        [word for word in call if not set(word) <= set("….")]
        for span in spans
        if span.split()[:1] and span.split()[0] in (*commands.PROGRAMS, "make")
        for call in words(span)
    ]

    assert [] == [(" ".join(c), m) for c in calls if (m := mistake(c, whole=False))]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("vaultbridge up --data DIR --port 8000", None),
        ("vaultbridge up --port 8000", "lacks data"),
        ("vaultbridge upp", "no command upp"),
        ("vaultbridge site addd X", "no command addd"),
        ("vaultbridge site check", "lacks name"),
        ("vaultbridge site check A B", "nothing takes B"),
        ("vaultbridge issuances --state held", None),
        ("vaultbridge issuances --state STATE", None),
        (
            "vaultbridge worker all",
            "all is none of follow, issue, normalise, reconcile, write_back",
        ),
        (
            "certvault token create --institution X --permision list",
            "No such option '--permision'. (Did you mean one of: '--permission', '--permissions'?)",
        ),
        ("make demo ARGS='--exit --json'", None),
        ("make demo ARGS='--exits'", "the demo does not take --exits"),
        ("make everything", "no target everything"),
    ],
)
def test_a_mistake_in_a_command_is_noticed(line: str, expected: str | None):
    assert expected == mistake(words(line)[0])

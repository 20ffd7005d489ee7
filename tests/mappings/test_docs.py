"""docs/mappings.md names every key, name, filter and tag, and its documents load."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import marshmallow as ma
import pytest

from mappings.document import load
from mappings.engine import apply
from mappings.entry import DETAILS_LIMIT, Held
from mappings.expressions import compile_text
from mappings.filters import FILTERS
from mappings.limits import TAGS
from mappings.names import NAMES
from mappings.schema import MappingBlock
from mappings.values import values_of
from tests.mappings.samples import AMINA, DOCUMENT, learner

DOCS = (Path(__file__).parents[2] / "docs" / "mappings.md").read_text(encoding="utf-8")


def keys(schema: ma.Schema, prefix: str = "") -> Iterator[str]:
    for name, field in schema.fields.items():
        key = prefix + (field.data_key or name)
        if isinstance(field, ma.fields.Nested):
            yield from keys(field.schema, f"{key}.")
        else:
            yield key


def rows_of(section: str) -> list[str]:
    """The rows of the table under a heading."""
    (text,) = re.findall(rf"^#+ {section}\n(.*?)(?=^#|\Z)", DOCS, re.DOTALL | re.MULTILINE)
    return [line for line in text.splitlines() if line.startswith("| `")]


def cells(section: str, first: str) -> list[list[str]]:
    rows = [re.split(r"(?<!\\)\|", row)[1:-1] for row in rows_of(section)]
    parts = [[cell.strip().replace("\\|", "|") for cell in row] for row in rows]
    return [row for row in parts if row[0] == f"`{first}`"]


@pytest.mark.parametrize("key", list(keys(MappingBlock())))
def test_every_key_is_explained(key: str) -> None:
    assert len(cells("Keys", key)) == 1


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name.path)
def test_every_name_is_explained_as_the_program_does(name: object) -> None:
    expected = [f"`{name.path}`", name.meaning, name.example]

    assert [expected] == cells("Names", name.path)


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_is_explained_with_its_example_and_result(name: str) -> None:
    (row,) = cells("Filters", name)

    assert [f"`{FILTERS[name].example}`", FILTERS[name].result] == row[2:]


@pytest.mark.parametrize("tag", TAGS)
def test_every_tag_is_explained(tag: str) -> None:
    assert len(cells("Tags", tag)) == 1


@pytest.mark.parametrize(
    ("section", "known"),
    [
        ("Keys", list(keys(MappingBlock()))),
        ("Names", [name.path for name in NAMES]),
        ("Filters", list(FILTERS)),
        ("Tags", list(TAGS)),
    ],
)
def test_no_row_explains_what_is_not_there(section: str, known: list[str]) -> None:
    assert set(known) == {row.split("`")[1] for row in rows_of(section)}


def people(columns: int) -> list[list[str]]:
    """The rows of the tables of names, by how many columns they have."""
    (text,) = re.findall(r"^### Names of people\n(.*?)^### ", DOCS, re.DOTALL | re.MULTILINE)
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines()]
    return [row for row in rows if len(row) == columns and "`" not in row[-1] and "-" not in row[0]]


@pytest.mark.parametrize(("written", "expected"), people(2))
def test_a_name_is_written_as_it_promises(written: str, expected: str) -> None:
    values = values_of(learner(full_name=written), site="s")

    assert expected == compile_text("{{ learner.full_name | name_case }}").evaluate(values)


@pytest.mark.parametrize(("given", "family", "language", "expected"), people(4))
def test_a_name_is_put_together_as_it_promises(
    given: str, family: str, language: str, expected: str
) -> None:
    values = values_of(
        learner(given_name=given, family_name=family or None, language=language or None), site="s"
    )
    source = "{{ learner.given_name | with_family: learner.family_name, learner.language }}"

    assert expected == compile_text(source).evaluate(values)


def test_every_example_is_told_of() -> None:
    told = re.findall(r"^\| \[([\w-]+)\]\(\.\./mappings/examples/\1\.yaml\) \|", DOCS, re.MULTILINE)
    there = (Path(__file__).parents[2] / "mappings" / "examples").glob("*.yaml")

    assert sorted(path.stem for path in there) == sorted(told)


def test_every_document_in_it_loads() -> None:
    documents = re.findall(r"```yaml\n(mapping:.*?)```", DOCS, re.DOTALL)

    expected = ["first", "course-completion", "every-course", "nursing-programme"]

    assert expected == [load(each).name for each in documents]


def test_the_lists_it_shows_are_those_that_hold_without_any() -> None:
    (lists,) = re.findall(r"```yaml\n(hold:.*?)```", DOCS, re.DOTALL)

    assert load(DOCUMENT).hold == load(DOCUMENT + lists).hold


def test_every_doubt_it_tells_holds_its_example() -> None:
    (text,) = re.findall(r"^### Doubtful names.*?\n(.*?)\n```", DOCS, re.DOTALL | re.MULTILINE)
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines()]
    examples = [row[1] for row in rows if len(row) == 3][2:]
    held = [
        apply(load(DOCUMENT), learner(**{field: each}), site="moodle-main")
        for field, each in zip(["full_name"] * 4 + ["email"] * 2, examples, strict=True)
    ]

    assert all(isinstance(each, Held) for each in held)


def test_every_expression_in_it_is_one_and_gives_a_result() -> None:
    inline = {
        each.replace("\\|", "|") for each in re.findall(r"`\"?([^`]*{[{%][^`]*[}%]})\"?`", DOCS)
    }
    inline = {each for each in inline if re.search(r"\w", each)}
    values = values_of(AMINA, site="moodle-main")

    results = [compile_text(each).evaluate(values) for each in inline]

    assert len(results) > 20
    assert all(isinstance(result, str) for result in results)


def test_the_limits_it_tells_are_the_programs() -> None:
    assert f"details over {DETAILS_LIMIT}" in DOCS

"""The helpers that read papers read what they should, or the other tests here could not fail."""

from __future__ import annotations

from tests.docs.papers import (
    Block,
    anchors,
    blocks,
    command_lines,
    inline_code,
    links,
    name_of,
    papers,
    words,
)

PAPER = """\
# A `big` paper
See [the other](other.md#part-1), ![a picture](a.png) and `vaultbridge up`, not `[this](no.md)`.

1. First
   ```
   $ vaultbridge site add NAME \\
       --connector moodle  # why
   ```

```python
[no](link.md)
```
## Part 1: what it's for
"""


def test_blocks_are_found_with_their_language_and_without_their_indentation():
    expected = [
        Block(
            language="",
            text="$ vaultbridge site add NAME \\\n    --connector moodle  # why\n",
        ),
        Block(language="python", text="[no](link.md)\n"),
    ]

    assert expected == blocks(PAPER)


def test_a_command_over_two_lines_is_one():
    expected = ["vaultbridge site add NAME --connector moodle  # why", "[no](link.md)"]

    assert expected == command_lines(PAPER)


def test_links_are_those_that_a_reader_can_follow():
    assert links(PAPER) == ["other.md#part-1", "a.png"]


def test_anchors_are_made_of_headings():
    assert anchors(PAPER) == {"a-big-paper", "part-1-what-its-for"}


def test_inline_code_stands_outside_blocks():
    assert inline_code(PAPER) == ["big", "vaultbridge up", "[this](no.md)"]


def test_a_shell_line_is_taken_apart_into_its_commands():
    line = 'make demo ARGS="--exit --json" > out.json && vaultbridge keys new | head -1  # key'

    assert words(line) == [
        ["make", "demo", "ARGS=--exit --json"],
        ["vaultbridge", "keys", "new"],
        ["head", "-1"],
    ]


def test_the_papers_that_people_read_are_looked_at():
    found = {name_of(path) for path in papers()}

    assert {
        "README.md",
        "docs/operate.md",
        "docs/mappings.md",
        "docs/examples/connector/README.md",
        "connectors/moodle/README.md",
    } <= found

"""Links between papers lead somewhere, and no paper tells about the machine it was written on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.papers import ROOT, anchors, links, name_of, papers

#: Folders of somebody's machine; /etc, /var/lib, /run and /opt are where an operator's things lie.
OWN_FOLDERS = re.compile(r"(?<![\w.])/(?:home|root|work|Users|tmp|mnt)/[\w.]*")
OTHERS = ("compose.yaml", "Dockerfile", ".dockerignore", ".ci/run", "Makefile", "Procfile")
FILES = [
    *papers(),
    *(ROOT / name for name in OTHERS),
    *(p for p in (ROOT / "docs" / "examples").rglob("*") if p.suffix in {".py", ".toml"}),
]


def leads_nowhere(paper: Path, link: str) -> bool:
    """Whether a link to a file of ours, or to a heading, is dead."""
    if re.match(r"[a-z]+:", link):
        return False
    name, _, anchor = link.partition("#")
    target = paper.parent / name if name else paper
    if not target.exists():
        return True
    return bool(anchor) and anchor not in anchors(target.read_text("utf-8"))


@pytest.mark.parametrize("paper", papers(), ids=name_of)
def test_every_link_between_papers_leads_somewhere(paper: Path):
    found = links(paper.read_text("utf-8"))

    assert [] == [link for link in found if leads_nowhere(paper, link)]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_paper_names_a_folder_of_somebody_s_machine(path: Path):
    assert OWN_FOLDERS.findall(path.read_text("utf-8")) == []


def test_a_dead_link_is_noticed(tmp_path: Path):
    paper = tmp_path / "paper.md"
    paper.write_text("# Here\n", "utf-8")
    told = ["#here", "paper.md#here", "https://example.org/x", "#there", "paper.md#there", "no.md"]

    assert [link for link in told if leads_nowhere(paper, link)] == [
        "#there",
        "paper.md#there",
        "no.md",
    ]


def test_every_page_of_docs_is_linked_to_from_somewhere():
    linked = {
        (paper.parent / link.partition("#")[0]).resolve()
        for paper in papers()
        for link in links(paper.read_text("utf-8"))
        if not re.match(r"[a-z]+:|#", link)
    }
    pages = {page for page in (ROOT / "docs").rglob("*.md") if "decisions" not in page.parts}

    assert set() == {name_of(page) for page in pages - linked}

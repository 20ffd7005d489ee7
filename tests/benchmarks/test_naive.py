"""The naive way that the bridge is compared with does the same work."""

from __future__ import annotations

import json
from pathlib import Path

import httpx

from benchmarks import naive
from benchmarks.processes import HOST, answers, free_port, program
from benchmarks.rendering import page
from bridge.certificates.render import Renderer


def test_a_certificate_comes_into_the_gradebook(tmp_path: Path) -> None:
    vault, lms = free_port(), free_port()
    with (
        program("benchmarks.stub_vault", str(vault), environment={}, log=tmp_path / "vault.log"),
        program("benchmarks.stub_lms", str(lms), environment={}, log=tmp_path / "lms.log"),
        Renderer(font_cache=tmp_path) as renderer,
    ):
        answers(vault)
        answers(lms)
        told = json.dumps(renderer.data(page(7, "en")))
        naive.certify(7, told, f"http://{HOST}:{vault}", f"http://{HOST}:{lms}", tmp_path)
        cells = httpx.post(f"http://{HOST}:{lms}/read", json=[[naive.COURSE, "7"]]).json()

    assert ["VEC-IC-0000000000000001"] == cells

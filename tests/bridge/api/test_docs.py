"""The commands that docs/api.md shows do what it says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator

import pytest
from werkzeug.serving import make_server

from bridge.people import tokens
from bridge.people.tokens import Scope
from bridge.store import tables
from tests import ports
from tests.bridge.api.conftest import BY_HAND
from tests.bridge.world import World
from tests.docs.papers import ROOT, blocks


@pytest.fixture
def served(world: World) -> Iterator[str]:
    port = ports.free_port()
    server = make_server("127.0.0.1", port, world.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_each_curl_command_is_answered(world: World, served: str) -> None:
    world.complete("mary", learner={"email": None})
    world.run("normalise")
    _, token = tokens.make(world.bridge, "docs", scope=Scope.SUPPORT, by=BY_HAND)
    shown = [
        one.text
        for one in blocks((ROOT / "docs/api.md").read_text(encoding="utf-8"))
        if one.language == "sh" and "curl" in one.text
    ]
    lines = [line for text in shown for line in text.replace("\\\n", "").splitlines()]
    environ = {**os.environ, "TOKEN": token, "BRIDGE": served}

    told = [json.loads(_said(line, environ)) for line in lines]

    assert 4 == len(told)
    assert [] == [one for one in told if "error" in one]
    assert 1 == world.one(tables.replay).selected


def _said(line: str, environ: dict[str, str]) -> str:
    command = ["/bin/sh", "-c", line]
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)  # noqa: S603  # our own
    return done.stdout

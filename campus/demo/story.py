"""The demo's steps in their order: start, connect, complete courses, watch the certificates."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from campus.demo.bridge import Bridge, read_env
from campus.demo.children import HOST, Child, HeldPort
from campus.demo.rows import GENERATED, Found, Row
from campus.demo.show import Show
from campus.demo.visit import PUPILS, UNHEARD, Campus

#: Generous: a first start on a small, busy machine compiles and migrates.
START_S = 120.0
CERTIFICATES_S = 120.0
POLL_S = 1.0
MAPPING = Path(__file__).with_name("mapping.yaml")
#: The secret in the recorded delivery that a newcomer sends by hand; live in the demo alone.
RECORDED_TOKEN = "s3cret-webhook-token"  # noqa: S105  # published with the recording
#: Settings of another installation in the caller's environment are no business of the demo's.
FOREIGN = ("BRIDGE_", "VAULT_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Everything that the demo has started."""

    bridge: Bridge
    campus: Campus
    children: Sequence[Child]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How it all came out."""

    rows: Sequence[Row]
    addresses: Mapping[str, str]  #: what there is to open: name and address

    @property
    def good(self) -> bool:
        """Whether every row ended as it should."""
        return all(row.good for row in self.rows)


def start(
    show: Show, stack: contextlib.ExitStack, *, program: Path, folder: Path, first_port: int
) -> Running:
    """Start bridge, vault, Redis and campus and connect them; the stack ends them. Raises Failed.

    Of the bridge only its program is used: `up` and the commands an administrator would type.
    """
    own_port = HeldPort(first_port)
    # The next one is our vault's: `up` takes it for itself.
    campus_port = HeldPort(own_port.port + 2)
    base_url = f"http://{HOST}:{campus_port.port}"
    env = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
    env["BRIDGE_ALLOWED_PRIVATE_HOSTS"] = f"{HOST}:{campus_port.port}"

    up = _start_up(show, stack, program, folder, own_port, env)
    bridge = Bridge(program=program, env={**env, **read_env(folder / "bridge" / "env")})
    child = _connect(show, stack, bridge, folder, campus_port, env)
    campus = Campus(address=base_url, http=stack.enter_context(httpx.Client(trust_env=False)))
    return Running(bridge=bridge, campus=campus, children=(up, child))


def _start_up(
    show: Show,
    stack: contextlib.ExitStack,
    program: Path,
    folder: Path,
    port: HeldPort,
    env: Mapping[str, str],
) -> Child:
    step = show.step("Starting bridge, vault and Redis")
    command = [str(program), "up", "--data", str(folder / "bridge"), "--port", str(port.let_go())]
    up = Child.started("up", command, env=env, folder=folder, stack=stack)
    up.ready(within=START_S, meanwhile=show.tick)
    step.done()
    return up


def _connect(
    show: Show,
    stack: contextlib.ExitStack,
    bridge: Bridge,
    folder: Path,
    port: HeldPort,
    env: Mapping[str, str],
) -> Child:
    step = show.step("Connecting the campus", total=4)
    token, webhook_token = _secret(folder / "ws-token"), _secret(folder / "webhook-token")
    accepted = folder / "webhook-tokens"
    accepted.write_text(f"{webhook_token.read_text()}{RECORDED_TOKEN}\n")
    base_url = f"http://{HOST}:{port.port}"
    hook = bridge.add_site(base_url=base_url, token=token, webhook_tokens=accepted)
    step.at(1)
    bridge.add_mapping(MAPPING)
    step.at(2)
    command = [sys.executable, "-m", "campus", "--port", str(port.let_go()), "--hook-url", hook]
    command += ["--hook-token-file", str(webhook_token), "--ws-token-file", str(token)]
    command += ["--data", str(folder / "campus"), "--already", f"{UNHEARD[0]}:{UNHEARD[1]}"]
    campus = Child.started("campus", command, env=env, folder=folder, stack=stack)
    campus.ready(within=START_S, meanwhile=show.tick)
    step.at(3)
    bridge.check_site()
    step.done()
    return campus


def _secret(file: Path) -> Path:
    file.touch(mode=0o600)
    file.write_text(secrets.token_hex(16) + "\n")
    return file


def play(show: Show, running: Running, *, within: float = CERTIFICATES_S) -> Ending:
    """Complete the courses and watch until nothing more happens, or so many seconds are over."""
    _complete(show, running.campus)
    found = _watch(show, running, within=within)
    rows = [found.row(pupil) for pupil in PUPILS]
    return Ending(rows=rows, addresses=_addresses(running.campus, found, rows))


def _complete(show: Show, campus: Campus) -> None:
    step = show.step("Completing courses", total=len(PUPILS))
    for number, pupil in enumerate(PUPILS, start=1):
        campus.complete(pupil)
        show.say(f"  {pupil.name} completed {pupil.course_title}")
        step.at(number)


def _watch(show: Show, running: Running, *, within: float) -> Found:
    decided = show.step("Certificates generated or held", total=len(PUPILS))
    written = show.step("Gradebook rows written", total=len(PUPILS))
    deadline = time.monotonic() + within
    told: dict[int, str] = {}
    while True:
        for child in running.children:
            child.require_alive()
        found = _found(running)
        rows = [found.row(pupil) for pupil in PUPILS]
        _say_changes(show, rows, told)
        decided.at(sum(row.state == GENERATED or row.good for row in rows))
        written.at(sum(row.good for row in rows))
        if found.settled(PUPILS) or time.monotonic() > deadline:
            return found
        _wait(show)


def _found(running: Running) -> Found:
    issuances = running.bridge.issuances()
    # Asked for only while an issuance is missing: a command is a whole process.
    completions = running.bridge.completions() if len(issuances) < len(PUPILS) else []
    # The gradebook last: what the bridge says it has written must stand there.
    return Found(issuances=issuances, completions=completions, feedback=running.campus.feedback())


def _say_changes(show: Show, rows: Sequence[Row], told: dict[int, str]) -> None:
    for number, row in enumerate(rows):
        words = row.state if not row.written_back else f"{row.state}, stands in the gradebook"
        if row.reference_id:
            words += f" ({row.reference_id})"
        if told.get(number, "missing") != words:
            told[number] = words
            show.say(f"  {row.learner} ({row.course}): {words}")


def _wait(show: Show) -> None:
    until = time.monotonic() + POLL_S
    while time.monotonic() < until:
        show.tick()
        time.sleep(0.1)


def _addresses(campus: Campus, found: Found, rows: Sequence[Row]) -> dict[str, str]:
    learner_page = next((row.link for row in rows if row.link), None)
    verification = next(
        (str(i["verification_url"]) for i in found.issuances if i.get("verification_url")), None
    )
    addresses = {
        "Course page": campus.course_page(),
        "Gradebook": campus.gradebook_page(),
        "Learner page": learner_page,
        "Verification at the vault": verification,
    }
    return {name: address for name, address in addresses.items() if address is not None}

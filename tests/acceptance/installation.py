"""A whole installation: the Procfile's processes, Redis, a campus, on SQLite or PostgreSQL."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from runtime.embedded import resolve
from runtime.keys import Keys
from runtime.redis_server import embedded
from tests.faults.proxy import FaultProxy
from tests.polling import eventually
from tests.ports import free_port
from tests.processes import ROOT

#: The secret in the recorded deliveries.
RECORDED_TOKEN = "s3cret-webhook-token"
TEMPLATE_COURSE = "5"
READY_S = 120
#: What a command may take on a machine where all else starts, too.
COMMAND_S = 120

MAPPING = """\
mapping: 1
name: course-completion
issuer: main
site: moodle-main
match: {course: "*"}
entry:
  certificate_title: "Certificate of Completion: {{ course.title }}"
  full_name: "{{ learner.full_name }}"
  applicant_email: "{{ learner.email }}"
  issue_date: "{{ completed_at | local_date: 'Asia/Dubai' }}"
certificate: {template: classic, language: en}
"""


def procfile() -> dict[str, tuple[str, ...]]:
    """Process name to command, as the Procfile says."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    named = dict(line.split(": ", 1) for line in lines)
    return {name: tuple(shlex.split(command)) for name, command in named.items()}


class Installation:
    """Everything running; `run` is what an administrator types."""

    def __init__(self, folder: Path, *, bridge_database: str, vault_database: str) -> None:
        self.folder = folder
        self.bridge_port, self.vault_port, self.campus_port = (free_port() for _ in range(3))
        self.bridge_url = f"http://127.0.0.1:{self.bridge_port}"
        self.vault_url = f"http://127.0.0.1:{self.vault_port}"
        self.campus_url = f"http://127.0.0.1:{self.campus_port}"
        self.redis = embedded(folder / "run")
        Keys.read_or_create(folder / "secret.key")
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("BRIDGE_", "VAULT_"))},
            "BRIDGE_DATABASE_URL": bridge_database,
            "BRIDGE_REDIS_URL": self.redis.url,
            "BRIDGE_KEY_FILE": str(folder / "secret.key"),
            "BRIDGE_PUBLIC_URL": self.bridge_url,
            "BRIDGE_PORT": str(self.bridge_port),
            "BRIDGE_ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
            "BRIDGE_CACHE_DIR": str(folder / "cache"),
            "BRIDGE_SWEEP": "0.5",
            "BRIDGE_POLL_FIRST": "0.5",
            "BRIDGE_POLL_LONGEST": "2",
            "BRIDGE_RETRY_FIRST": "0.5",
            "BRIDGE_RETRY_LONGEST": "2",
            "BRIDGE_VAULT_DEADLINE": "10",
            "BRIDGE_LMS_DEADLINE": "10",
            "BRIDGE_LEASE": "12",
            "BRIDGE_QUIET_PERIOD": "2",
            "VAULT_DATABASE_URL": vault_database,
            "VAULT_REDIS_URL": self.redis.url,
            "VAULT_PUBLIC_URL": self.vault_url,
            "VAULT_PORT": str(self.vault_port),
            "VAULT_FILES": str(folder / "vault-files"),
            "VAULT_CLOCK_SECONDS": "0.5",
        }
        self.proxy = FaultProxy(f"127.0.0.1:{self.vault_port}")
        #: One for all calls: to make another takes longer than most of them. Each has a connection
        #: of its own, which no server has closed meanwhile.
        alone = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(timeout=60, trust_env=False, limits=alone)
        self.token = ""
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._log = (folder / "log").open("ab")

    @contextmanager
    def running(self) -> Iterator[Installation]:
        try:
            with self.proxy.running(), self.http:
                self._set_up()
                yield self
        finally:
            self._end()

    def run(self, *command: str) -> str:
        """Run a command of ours; its standard output. Fails with what it said."""
        done = subprocess.run(  # noqa: S603  # our own
            resolve(command),
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_S,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def told(self, *command: str) -> Any:
        """What a command tells as JSON."""
        return json.loads(self.run("vaultbridge", *command, "--json"))

    def deliver(self, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """Post a delivery to the site's hook."""
        url = f"{self.bridge_url}/hooks/moodle/moodle-main"
        return self.http.post(url, content=body, headers=headers)

    def control(self, action: str, **order: object) -> Any:
        """Make the campus do something."""
        answer = self.http.post(
            f"{self.campus_url}/campus/control", json={"action": action, **order}
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def gradebook(self, course: int, learner: int) -> dict[str, Any]:
        """The learner's row in the campus's gradebook."""
        return next(row for row in self.learners(course) if row["id"] == learner)

    def learners(self, course: int) -> list[dict[str, Any]]:
        """The rows of a course in the campus's gradebook."""
        answer = self.http.get(f"{self.campus_url}/campus/gradebook.json?course={course}")
        rows: list[dict[str, Any]] = answer.json()["learners"]
        return rows

    def feedback(self, course: int, learner: int) -> str:
        """What stands in the learner's certificate cell, raw; empty if nothing."""
        items = self.gradebook(course, learner)["items"]
        return "".join(item["feedback"] for item in items if item["idnumber"] == "vaultbridge")

    def vault(self, **query: str) -> list[dict[str, Any]]:
        """The certificates the vault lists."""
        answer = self.http.get(
            f"{self.vault_url}/business/certificate-vault",
            params={"per_page": "100", **query},
            headers={"Authorization": f"Bearer {self.token}"},
        )
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    def kill(self, name: str) -> None:
        """kill -9 one process of the Procfile."""
        process = self._processes[name]
        process.send_signal(signal.SIGKILL)
        process.wait()

    def start(self, name: str) -> None:
        """Start one process of the Procfile, or Redis."""
        named = procfile()
        self._spawn(name, resolve(named[name]) if name in named else self.redis.command)

    def _spawn(self, name: str, command: tuple[str, ...]) -> None:
        self._processes[name] = subprocess.Popen(  # noqa: S603  # our own
            command, env=self.env, stdout=self._log, stderr=self._log, cwd=ROOT
        )

    def _set_up(self) -> None:
        self._spawn("redis", self.redis.command)
        self.run("vaultbridge", "migrate")
        self.run("certvault", "migrate")
        self.run("certvault", "institution", "add", "Example University")
        token = self.folder / "vault-token"
        create = ("token", "create", "--institution", "Example University", "--out", str(token))
        self.run("certvault", *create)
        self.token = token.read_text().strip()
        hook_token, ws_token = self.folder / "hook-token", self.folder / "ws-token"
        hook_token.write_text(RECORDED_TOKEN)
        ws_token.write_text(secrets.token_hex(16))
        self._configure(token, hook_token, ws_token)  # before all else takes the machine
        for name in procfile():
            if name != "release":
                self.start(name)
        campus = (sys.executable, "-m", "campus", "--port", str(self.campus_port), "--control")
        hook = f"{self.bridge_url}/hooks/moodle/moodle-main"
        more = ("--hook-url", hook, "--hook-token-file", str(hook_token))
        kept = ("--ws-token-file", str(ws_token), "--data", str(self.folder / "campus"))
        self._spawn("campus", (*campus, *more, *kept))
        for url in (self.bridge_url, self.vault_url):
            eventually(lambda url=url: self.answers(f"{url}/health/ready"), within=READY_S)
        eventually(lambda: self.answers(self.campus_url), within=READY_S)

    def answers(self, url: str) -> bool:
        """Whether something answers with success."""
        try:
            return self.http.get(url, timeout=2).is_success
        except httpx.HTTPError:
            return False

    def _configure(self, token: Path, hook_token: Path, ws_token: Path) -> None:
        issuer = ("issuer", "add", "main", "--institution", "Example University")
        self.run("vaultbridge", *issuer, "--url", self.proxy.url, "--secret", f"token=@{token}")
        site = ("site", "add", "moodle-main", "--connector", "moodle")
        values = ("--set", f"base_url={self.campus_url}")
        template = ("--set", f"template_course_id={TEMPLATE_COURSE}")
        hidden = ("--secret", f"token=@{ws_token}", "--secret", f"webhook_tokens=@{hook_token}")
        self.run("vaultbridge", *site, *values, *template, *hidden)
        mapping = self.folder / "mapping.yaml"
        mapping.write_text(MAPPING)
        self.run("vaultbridge", "mappings", "add", str(mapping))

    def _end(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._log.close()

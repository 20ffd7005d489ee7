"""The bridge's command line, as the demo uses it: nothing but what an administrator could type."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campus.demo.children import Failed

SITE = "campus"
#: The seeded template course that holds the assignment.
TEMPLATE_COURSE = "5"
COMMAND_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """A running installation and the program that administers it."""

    program: Path
    env: Mapping[str, str] = field(repr=False)  #: what its commands need

    def run(self, *arguments: str) -> str:
        """Run one command and return what it printed. Raises Failed with what it said."""
        asked = f"`vaultbridge {' '.join(arguments)}`"
        try:
            done = subprocess.run(  # noqa: S603  # our own program
                [str(self.program), *arguments],
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=COMMAND_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{asked} did not end within {COMMAND_TIMEOUT_S} s.") from error
        if done.returncode:
            said = (done.stdout + done.stderr).strip()
            raise Failed(f"{asked} failed:\n{said}")
        return done.stdout

    def told(self, *arguments: str) -> Any:
        """Run a command with ``--json`` and return the document it printed."""
        return json.loads(self.run(*arguments, "--json"))

    def add_site(self, *, base_url: str, token: Path, webhook_tokens: Path) -> str:
        """Connect the campus and return the address it must deliver to."""
        self.run(
            *("site", "add", SITE, "--connector", "moodle"),
            *("--set", f"base_url={base_url}", "--set", f"template_course_id={TEMPLATE_COURSE}"),
            *("--secret", f"token=@{token}", "--secret", f"webhook_tokens=@{webhook_tokens}"),
        )
        return str(self.told("site", "show", SITE)["hook"])

    def check_site(self) -> str:
        """Try every permission the site needs and return the report."""
        return self.run("site", "check", SITE)

    def add_mapping(self, document: Path) -> None:
        """Store a mapping document as the active one."""
        self.run("mappings", "add", str(document))

    def first_admin(self) -> str:
        """The address at which whoever opens it becomes the console's first admin."""
        return self.run("people", "first").strip()

    def issuances(self) -> Sequence[Mapping[str, Any]]:
        """Every issuance."""
        found: Sequence[Mapping[str, Any]] = self.told("issuances")
        return found

    def completions(self) -> Sequence[Mapping[str, Any]]:
        """Every completion, with the reason where no issuance stands for it."""
        found: Sequence[Mapping[str, Any]] = self.told("completions")
        return found


def read_env(file: Path) -> dict[str, str]:
    """Return the KEY=VALUE lines that `vaultbridge up` leaves for other commands."""
    words = shlex.split(file.read_text(encoding="utf-8"))
    return dict(word.split("=", 1) for word in words if "=" in word)

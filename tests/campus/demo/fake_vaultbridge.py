"""A scripted stand-in for the bridge's program: the commands the demo types, and their answers.

`up` keeps what the hook receives; `issuances` moves each certificate one step on with every call
and writes the finished ones into the campus's gradebook. FAKE_MODE says what goes wrong.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx

MODE = os.environ.get("FAKE_MODE", "good")
CHINESE = "9"
#: The learner's assignment in each course of the campus.
ASSIGNMENTS = {"2": 1, "3": 3}
STEPS = ("processing", "generated")


def main() -> None:
    command, *arguments = sys.argv[1:]
    if command == "up":
        up(Path(arguments[1]), int(arguments[3]))
    else:
        folder = Path(os.environ["FAKE_FOLDER"])
        note(folder, "commands", [command, *arguments])
        COMMANDS[command](folder, arguments)


def up(folder: Path, port: int) -> None:
    if MODE == "up_dies":
        sys.exit("Error: the moon is in the wrong house.")
    folder.mkdir(parents=True)
    (folder / "env").write_text(f"FAKE_FOLDER={folder}\nFAKE_PORT={port}\n")
    (folder / "started-with").write_text(os.environ["BRIDGE_ALLOWED_PRIVATE_HOSTS"])
    part = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    (folder / "part").write_text(str(part.pid))
    while MODE == "never_ready":
        time.sleep(1)
    server = HTTPServer(("127.0.0.1", port), hook(folder))
    say({"ready": True, "bridge": f"http://127.0.0.1:{port}"})
    server.serve_forever()


def hook(folder: Path) -> type[BaseHTTPRequestHandler]:
    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            note(folder, "deliveries", json.loads(body))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Hook


def site(folder: Path, arguments: list[str]) -> None:
    if arguments[0] == "add":
        plain = dict(value.split("=", 1) for value in arguments if "=" in value)
        kept = {
            key: Path(value[1:]).read_text().strip() if value[0] == "@" else value
            for key, value in plain.items()
        }
        (folder / "site").write_text(json.dumps(kept))
    elif arguments[0] == "show":
        port = os.environ["FAKE_PORT"]
        say({"hook": f"http://127.0.0.1:{port}/hooks/moodle/campus"})
    elif MODE == "check_fails":
        sys.exit("✗ a right is missing\nError: 1 missing.")


def mappings(_folder: Path, arguments: list[str]) -> None:
    if not Path(arguments[1]).read_text().startswith("# Every completion"):
        sys.exit("Error: that is not the demo's mapping.")


def issuances(folder: Path, _arguments: list[str]) -> None:
    step = len(read(folder, "steps"))
    note(folder, "steps", step)
    state = STEPS[min(step, len(STEPS) - 1)]
    say(
        [
            issuance(folder, told, state)
            for told in read(folder, "deliveries")
            if not (MODE == "unmatched" and told["relateduserid"] == "7")
        ]
    )


def issuance(folder: Path, told: dict[str, Any], state: str) -> dict[str, Any]:
    course, learner = told["courseid"], told["relateduserid"]
    held = learner == CHINESE
    reference = f"VEC-IC-2026{int(course):05}{int(learner):08}"
    link = f"http://127.0.0.1:{os.environ['FAKE_PORT']}/c/{course}.{learner}?a=1&b=2"
    done = state == "generated" and not held
    if done and MODE != "not_written":
        write_back(folder, course, learner, f"Issued · {reference} · {link.replace('&', '&amp;')}")
    return {
        "site": "campus",
        "course_id": course,
        "learner_id": learner,
        "state": "held" if held else state,
        "reference_id": reference if done else None,
        "status": "issued" if done else None,
        "link": link if done else None,
        "download": f"{link}.pdf" if done else None,
        "verification_url": f"http://vault/v/{reference}" if done else None,
        "written_back": "read_back" if done else None,
        "problem": "No font has 伟." if held else None,
    }


def completions(folder: Path, _arguments: list[str]) -> None:
    say(
        [
            {
                "site": "campus",
                "course_id": told["courseid"],
                "learner_id": told["relateduserid"],
                "state": "unmatched",
                "problem": "No mapping wants it.",
            }
            for told in read(folder, "deliveries")
            if MODE == "unmatched" and told["relateduserid"] == "7"
        ]
    )


def write_back(folder: Path, course: str, learner: str, text: str) -> None:
    settings = json.loads((folder / "site").read_text())
    editor = "plugindata[assignfeedbackcomments_editor]"
    form = {
        "wstoken": settings["token"],
        "wsfunction": "mod_assign_save_grade",
        "moodlewsrestformat": "json",
        "assignmentid": ASSIGNMENTS[course],
        "userid": learner,
        "grade": -1,
        "attemptnumber": -1,
        "addattempt": 0,
        "workflowstate": "",
        "applytoall": 0,
        f"{editor}[text]": text,
        f"{editor}[format]": 1,
    }
    answer = httpx.post(f"{settings['base_url']}/webservice/rest/server.php", data=form)
    if answer.content != b"null":
        sys.exit("Error: the campus refused.")


def say(document: object) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def note(folder: Path, name: str, what: object) -> None:
    with (folder / name).open("a") as file:
        file.write(json.dumps(what) + "\n")


def read(folder: Path, name: str) -> list[Any]:
    file = folder / name
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def people(_folder: Path, arguments: list[str]) -> None:
    assert ["first"] == arguments
    sys.stdout.write(f"http://127.0.0.1:{os.environ['FAKE_PORT']}/console/enter/x\n")


COMMANDS = {
    "site": site,
    "mappings": mappings,
    "issuances": issuances,
    "completions": completions,
    "people": people,
}

if __name__ == "__main__":
    main()

"""``python -m campus``: start the stand-in, print its address in one line, serve until told."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from campus import completion
from campus.app import create_app
from campus.moodle import Moodle, Settings
from campus.serve import address, bind, serve
from campus.state import State


def main() -> int:
    """Run the campus; the exit status is 0 after SIGTERM or SIGINT, 2 for what cannot start."""
    options = _parser().parse_args()
    try:
        server = bind(options.host, options.port)
        settings = _settings(options, options.wwwroot or address(server))
    except OSError as error:
        sys.stderr.write(f"campus: {error}. Choose another --port, or name a readable file.\n")
        return 2
    options.data.mkdir(parents=True, exist_ok=True)
    state = State(options.data / "campus.sqlite")
    try:
        app = create_app(Moodle(settings=settings, state=state))
        before = Moodle(settings=replace(settings, hook_url=None), state=state)
        for course, learner in options.already:
            completion.complete(before, course, learner)
        serve(server, app, ready=lambda: _say_ready(settings.wwwroot))
    finally:
        state.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m campus",
        description="A stand-in Moodle for trying Vaultbridge out.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--wwwroot", help="its own address, where a proxy stands before it")
    parser.add_argument("--hook-url", help="where course completions are posted to")
    parser.add_argument("--hook-token-file", type=Path, help="the secret in the webhook's body")
    parser.add_argument("--ws-token-file", type=Path, required=True, help="the web service token")
    parser.add_argument("--data", type=Path, required=True, help="a folder for its database")
    parser.add_argument(
        "--already",
        type=_completion,
        action="append",
        default=[],
        metavar="COURSE:LEARNER",
        help="completed before the hook was there: nobody was told",
    )
    parser.add_argument("--control", action="store_true", help="allow /campus/control, for tests")
    return parser


def _settings(options: argparse.Namespace, wwwroot: str) -> Settings:
    return Settings(
        wwwroot=wwwroot,
        ws_token=_secret(options.ws_token_file),
        hook_url=options.hook_url,
        hook_token=_secret(options.hook_token_file) if options.hook_token_file else "",
        control=options.control,
    )


def _completion(text: str) -> tuple[int, int]:
    course, _, learner = text.partition(":")
    return int(course), int(learner)


def _secret(file: Path) -> str:
    return file.read_text().strip()


def _say_ready(wwwroot: str) -> None:
    sys.stdout.write(json.dumps({"ready": True, "campus": wwwroot}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

"""``python -m tests.scripted_vault``: the scripted vault as a process with a file of its own.

It processes what it has taken a moment later, and is in no good mood if it is given a seed. When it
is killed, the next one on the same file goes on.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
from pathlib import Path

from tests.scripted_vault.journal import Journal
from tests.scripted_vault.moods import Moods
from tests.scripted_vault.telling import Hook
from tests.scripted_vault.vault import ScriptedVault

PROCESSES_EVERY_S = 0.25


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--file", type=Path, required=True, help="its SQLite file")
    parser.add_argument("--seed", type=int, help="of its moods; without one it is well")
    parser.add_argument("--careless", action="store_true", help="its duplicate check is not atomic")
    parser.add_argument("--hook", help="the address that it tells what became of certificates")
    parser.add_argument("--hook-secret-file", type=Path, help="what it signs that with")
    options = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    vault = ScriptedVault(port=options.port, journal=Journal(options.file))
    vault.atomic = vault.checks_bulk = not options.careless
    vault.appears_at_once = False
    if options.seed is not None:
        moods = Moods(options.seed)
        vault.usual, vault.loses, vault.outcome = moods, moods.drops, moods.outcome
    hook = None
    if options.hook:
        hook = Hook(options.hook, options.hook_secret_file.read_text(), seed=options.seed)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    sys.stdout.write(json.dumps({"ready": True, "vault": vault.url}) + "\n")
    sys.stdout.flush()
    while not stop.wait(PROCESSES_EVERY_S):
        processed = vault.finish()
        if hook is not None:
            hook.tell(processed)
    vault.stop()
    if hook is not None:
        hook.close()


if __name__ == "__main__":
    main()

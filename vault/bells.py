"""The names of the vault's bells; `vault.steps` says which steps answer each."""

from __future__ import annotations

#: Uploads wait to become verified PDFs.
PROCESS = "process"
#: Something waits to be sent out: webhooks, notices.
DELIVER = "deliver"

#: What gives signs of life under this name, and is started by ``certvault clock``.
CLOCK = "clock"


def worker(bell: str) -> str:
    """The name of a bell's worker, as in ``certvault worker process``."""
    return f"worker {bell}"

"""The names of the vault's bells; `vault.steps` says which steps answer each."""

from __future__ import annotations

#: Uploads wait to become verified PDFs.
PROCESS = "process"
#: Something waits to be sent out: webhooks, notices.
DELIVER = "deliver"

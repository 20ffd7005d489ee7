"""Logs: one JSON object a line on standard error; ids and outcomes, never names or secrets."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

#: What must not reach a log, whoever passes it by mistake.
NEVER = frozenset(
    {"authorization", "token", "secret", "password", "body", "email", "applicant_email"}
    | {"full_name", "name_of_learner", "link", "headers", "query"}
)


def configure(service: str, process: str) -> None:
    """Send every log line of this process, libraries' included, to standard error as JSON."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s", force=True)
    # Libraries log addresses with their query strings.
    for noisy in ("httpx", "httpcore", "alembic", "_granian", "granian.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            _redact,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service, process=process)


def _redact(_logger: Any, _method: str, event: structlog.typing.EventDict) -> Any:
    for key in NEVER & event.keys():
        event[key] = "[redacted]"
    return event

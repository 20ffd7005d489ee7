"""Logs: one JSON object a line on standard error; ids and outcomes, never names or secrets."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from typing import Any

import structlog

#: What must not reach a log, whoever passes it by mistake.
NEVER = frozenset(
    {"authorization", "token", "secret", "password", "body", "email", "applicant_email"}
    | {"full_name", "name_of_learner", "link", "headers", "query", "cookie"}
)
REDACTED = "[redacted]"

#: What libraries put into their messages and exceptions, and what stands there instead. Before
#: each the characters without which it cannot be there: to look for these takes next to nothing.
_SCRUB = (
    ("?", re.compile(r"(?<=[\w/])\?[^\s'\"<>]+=[^\s'\"<>]*"), f"?{REDACTED}"),
    ("@", re.compile(r"(?<=://)[^\s/@'\"]+@"), f"{REDACTED}@"),
    ("/c/", re.compile(r"(?<=/c/)[^\s/'\"?]+"), REDACTED),
    (" ", re.compile(r"(?i)\b(bearer|basic) [\w.~+/=-]+"), rf"\1 {REDACTED}"),
    ("@", re.compile(r"[^\s@<>'\"(:/=\]]+@[^\s@<>'\"):/]+\.\w+"), REDACTED),
)


def configure(service: str, process: str) -> None:
    """Send every log line of this process, libraries' included, to standard error as JSON."""

    # Not a context variable: each of the server's threads has a context of its own.
    def named(_logger: Any, _method: str, event: structlog.typing.EventDict) -> Any:
        return {"service": service, "process": process, **event}

    before: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        named,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
    ]
    after: list[structlog.typing.Processor] = [
        structlog.processors.ExceptionRenderer(places),
        redact,
        structlog.processors.JSONRenderer(ensure_ascii=False, default=repr),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *after],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    # Libraries log addresses with their query strings.
    for noisy in ("httpx", "httpcore", "alembic", "_granian", "granian.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*before, *after],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def places(exc_info: structlog.typing.ExcInfo) -> str:
    """An exception's kind and where it came from, of each that led to it.

    Not its words: they quote what was being worked on, which is somebody's.
    """
    parts: list[str] = []
    exc: BaseException | None = exc_info[1]
    seen: set[int] = set()
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        stack = "".join(traceback.format_tb(exc.__traceback__))
        parts.append(f"Traceback (most recent call last):\n{stack}{type(exc).__qualname__}")
        exc = exc.__cause__ or (None if exc.__suppress_context__ else exc.__context__)
    return "\n\nwhich came after:\n\n".join(parts)


def redact(_logger: Any, _method: str, event: structlog.typing.EventDict) -> Any:
    """Take out, at any depth, what must not be logged: by its name, and by its looks in a text."""
    return _redacted(event)


def _redacted(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: REDACTED if str(key).lower() in NEVER else _redacted(part)
            for key, part in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(part) for part in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else repr(value)
    for sign, pattern, instead in _SCRUB:
        if sign in text:
            text = pattern.sub(instead, text)
    return text

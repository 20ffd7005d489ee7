"""How a mail leaves: to a mail server, or as a file in a folder where there is none."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from uuid import uuid4

from runtime import smtp

#: Hands a mail over; raises runtime.smtp.NotNow or Refused.
Post = Callable[[EmailMessage, str], None]


def by_smtp(server: str) -> Post:
    """Mails go to a mail server (``smtp://user:password@host:port`` or ``smtps://…``)."""

    def post(message: EmailMessage, to: str) -> None:
        smtp.deliver(message, to=to, server=server, tls=ssl.create_default_context())

    return post


def into_folder(folder: Path) -> Post:
    """Mails become files: ``<Message-ID>.eml``, readable by this user alone."""

    def post(message: EmailMessage, to: str) -> None:
        name = message["Message-ID"].strip("<>").partition("@")[0]
        passing = folder / f".{name}.{uuid4().hex}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(message.as_bytes(policy=default.clone(utf8=not to.isascii())))
                file.flush()
                os.fsync(file.fileno())
            passing.replace(folder / f"{name}.eml")
        except OSError as exc:
            raise smtp.NotNow(f"The folder of mails cannot be used: {exc.strerror}.") from exc

    return post

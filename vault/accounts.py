"""The end of a customer's account, with what the vault wrote to them."""

from __future__ import annotations

from pathlib import Path

from runtime.database import Database
from vault.post import forget_files
from vault.store import customers


def close(customer_id: int, *, database: Database, mail_folder: Path) -> None:
    """Delete an account; the certificates in it stay what they are."""
    with database.write() as conn:
        mails = customers.delete(conn, customer_id)
    forget_files(mail_folder, mails)

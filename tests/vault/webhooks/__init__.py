"""Webhooks: signed, sent again, never lost."""

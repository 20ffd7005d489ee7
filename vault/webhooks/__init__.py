"""Webhooks: what the vault tells an institution's own systems, without being asked."""

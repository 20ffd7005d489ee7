"""Webhooks: what the vault tells an institution's own systems, without being asked."""


class WebhookProblem(Exception):
    """What an operator asked for cannot be done; the text says why and what to do."""

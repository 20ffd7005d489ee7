"""Any sender of Standard Webhooks, with a body of our own."""

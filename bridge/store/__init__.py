"""The bridge's rows: the queue and the truth. SQLAlchemy stays in here."""

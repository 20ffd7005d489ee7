"""The vault's records. SQLAlchemy stays in here."""

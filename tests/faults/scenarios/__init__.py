"""The twenty scenarios of failure, each a test (or several) that begins with its number."""

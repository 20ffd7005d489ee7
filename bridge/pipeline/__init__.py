"""The way of a completion, step by step; each step claims rows, does one thing, commits."""

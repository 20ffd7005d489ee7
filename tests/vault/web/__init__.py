"""Tests of the vault over HTTP."""

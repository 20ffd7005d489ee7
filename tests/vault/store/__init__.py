"""Tests of the vault's records."""

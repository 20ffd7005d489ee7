"""Tests of mappings/."""

"""Mappings: a document and a completion in, an entry out; pure, no input and no output."""

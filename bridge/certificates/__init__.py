"""A certificate file for an issuance: rendered here from a template, and never as boxes."""

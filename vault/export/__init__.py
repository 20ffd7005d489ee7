"""The way out: an institution's certificates, records and files, in a folder that needs no vault.

Data goes one way: `exporter` copies files and writes one record a certificate; `closing` makes
everything else of those records. So an export that was interrupted goes on after its last record.
"""

"""The Certificate Vault: keeps certificates and lets anyone verify them; a service of its own."""

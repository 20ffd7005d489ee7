"""Does a vault keep the Certificate Vault API's contract? Ours, or any that is named."""

"""Sites and issuers as people add, change, try and remove them: each act in one place."""

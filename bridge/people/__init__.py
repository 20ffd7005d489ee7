"""Who may use the console and the API: people, their roles, how they come in."""

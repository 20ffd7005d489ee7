"""Turns completions into certificates at a vault, and says so in the gradebook."""

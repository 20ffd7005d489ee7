"""The demo: vault, bridge and campus together, from completed courses to the gradebook."""

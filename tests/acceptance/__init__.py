"""Real processes: the commands of the Procfile, a recorded delivery, the campus's gradebook."""

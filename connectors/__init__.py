"""One package an LMS; none of them knows the bridge."""

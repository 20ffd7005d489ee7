"""The console: pages on which LMS admins configure and support staff repair."""

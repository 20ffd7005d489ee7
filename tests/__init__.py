"""The tests mirror the source; acceptance/ runs real processes."""

"""What both services stand on, knowing neither."""

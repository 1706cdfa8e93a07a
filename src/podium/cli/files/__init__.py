"""Files of rows, read and written a stretch at a time."""

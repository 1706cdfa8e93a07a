"""Rows of a file, answered chunk by chunk."""

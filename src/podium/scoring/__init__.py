"""Rows of files, predicted chunk by chunk."""

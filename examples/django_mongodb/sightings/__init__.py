"""Penguins that were seen."""

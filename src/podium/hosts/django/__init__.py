"""Podium inside a Django project."""

"""The migrations of Django's own apps, with ObjectIds instead of numbers."""

"""The admin's."""

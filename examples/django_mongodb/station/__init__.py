"""A field station whose whole database is MongoDB."""

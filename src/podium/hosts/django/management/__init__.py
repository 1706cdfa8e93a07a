"""What `manage.py` can do with models."""

"""The project's own tests: `manage.py test`, as its owner runs them."""

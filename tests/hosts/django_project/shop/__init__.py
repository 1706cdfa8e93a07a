"""A shop: the Django project that Podium is a guest in."""

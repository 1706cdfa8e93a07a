"""Users, their permissions and an admin, for our own server: Django, set up by itself."""

"""People, their rights and an admin, for our own server: Django, set up by itself."""

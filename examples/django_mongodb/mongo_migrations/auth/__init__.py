"""Those of users, groups and permissions."""

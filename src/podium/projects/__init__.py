"""New projects: what was answered, what that recommends, and the files that it makes."""

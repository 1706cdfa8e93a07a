"""Files that are scored on the server: jobs, which wait, run in processes of their own, and end."""

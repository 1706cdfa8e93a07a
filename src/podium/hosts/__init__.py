"""What serves the app over HTTP."""

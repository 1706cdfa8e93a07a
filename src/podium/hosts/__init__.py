"""What carries HTTP to the core."""

"""What a running server tells of itself: numbers for whoever watches it."""

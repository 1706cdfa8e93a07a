"""What a running server reports about itself: metrics for monitoring systems."""

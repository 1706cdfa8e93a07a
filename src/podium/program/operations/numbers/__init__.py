"""From numbers, each by itself, to numbers."""

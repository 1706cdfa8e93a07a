"""From the numbers of a row to numbers."""

"""From texts to numbers, by way of other texts: terms, and methods of one's own code."""

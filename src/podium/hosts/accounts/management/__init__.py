"""Commands of `podium manage`."""

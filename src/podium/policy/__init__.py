"""Who asks, how often they may, and which requests are let in at all."""

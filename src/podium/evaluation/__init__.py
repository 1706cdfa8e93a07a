"""Recorded inputs run through a version: before it goes live, or to verify what it once gave."""

"""The apps of the three classic tests: a folder each, with its requirements, as its docs write it."""

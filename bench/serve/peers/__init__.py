"""Who is compared with Podium: a folder each, with its requirements and an app as its docs write it."""

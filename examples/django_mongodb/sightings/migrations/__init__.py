"""The collections of sightings."""

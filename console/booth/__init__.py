"""The booth page: what the people at one checkpoint see and say, served by the box that stands there."""

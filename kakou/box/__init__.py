"""The processes of a box: supervised, reported, stopped in order."""

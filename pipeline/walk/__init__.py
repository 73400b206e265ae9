"""From a frame to its event: read, track, decide, flag."""

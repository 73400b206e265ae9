"""The walk from a video source to a screened passage: frame, read, track, match, event."""

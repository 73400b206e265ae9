"""Pictures in: every kind of source becomes frames."""

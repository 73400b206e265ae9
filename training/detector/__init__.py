"""Makes the plate detector."""

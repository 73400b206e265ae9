"""Makes the recogniser."""

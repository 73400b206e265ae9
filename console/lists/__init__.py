"""The risk list as stewards work on it."""

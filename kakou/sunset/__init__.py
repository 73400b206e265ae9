"""The day on which everything ends: said, put off, carried out, reported."""

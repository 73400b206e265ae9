"""What Redis holds of the risk list, how it is written, and how it is asked."""

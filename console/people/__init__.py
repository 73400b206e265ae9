"""Who may work here, where, and what they did."""

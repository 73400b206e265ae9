"""Draws plates as they are made and as cameras see them."""

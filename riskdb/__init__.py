"""Vehicles with high-risk travel history: the record, the hot set in Redis, and the match."""

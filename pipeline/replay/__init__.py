"""Recorded footage through the same walk, in units that any worker can do again."""

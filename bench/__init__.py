"""Benchmarks: one question each, run as ``python -m bench.NAME``."""

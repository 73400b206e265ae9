"""Plate reads that cameras send: understood, kept on disk before they are answered, decided like any other passage."""

"""The system of record: travel records and area declarations, and how files become rows of it."""

"""Where the console keeps what must outlive it: SQLite by default, PostgreSQL by URL."""

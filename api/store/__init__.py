"""The forecast store: one protocol, a home in MongoDB and one embedded in SQLite."""

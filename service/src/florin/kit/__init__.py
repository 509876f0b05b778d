"""What every domain stands on: configuration, the database, and how errors are told."""

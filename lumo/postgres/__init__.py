"""The database: the embedded server, connections, jobs."""

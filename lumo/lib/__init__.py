"""Clock, encryption, settings, ids, logs: knows no domain word."""

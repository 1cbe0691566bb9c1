"""The Flow body and the LINE messages built from it."""

"""Wiring: Django settings, the ASGI dispatcher, the `lumo` command. Nothing else."""

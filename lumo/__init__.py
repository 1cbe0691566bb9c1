"""Lumo: LINE messages out of Klaviyo Flows."""

__version__ = "0.1.0"

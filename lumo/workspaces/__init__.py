"""Workspace: one shop and its settings."""

"""The door for Klaviyo's Flows: the hot path in."""

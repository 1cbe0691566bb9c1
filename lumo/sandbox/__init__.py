"""Emulators of the LINE and Klaviyo APIs that follow the published documentation, and a LINE phone in the browser."""

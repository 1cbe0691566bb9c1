"""The providers: LINE, Klaviyo, Shopify. Each is a folder; they never import one another."""

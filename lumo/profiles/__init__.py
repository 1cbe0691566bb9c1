"""KlaviyoConnection and its authentication keys."""

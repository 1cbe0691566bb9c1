"""The Klaviyo API: https://developers.klaviyo.com/en/reference/api_overview"""

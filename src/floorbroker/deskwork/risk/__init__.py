"""Limits, the arming, alerts, and what would become of an order."""

"""Limits, the arming, alerts, the watchdog, and what would become of an order."""

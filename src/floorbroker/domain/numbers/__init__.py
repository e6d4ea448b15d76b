"""Exact numerical work that several floors need."""

"""The readers against recorded market days; skipped where those are absent."""

"""Read-only looks at the journal: trades, charts, audit."""

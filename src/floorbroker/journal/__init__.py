"""What survives a crash: records, durable before anything leaves."""

"""What agents call over MCP, in a process of its own."""

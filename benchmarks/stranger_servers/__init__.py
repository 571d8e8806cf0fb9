"""Servers as people write them in an afternoon: each a module with an MCP server named ``mcp``."""

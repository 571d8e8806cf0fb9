"""Reads that span tables, for the screens and the API; nothing here writes."""

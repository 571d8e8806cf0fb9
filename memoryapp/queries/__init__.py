"""Reads that span tables, for pages, the API and the engine of practice."""

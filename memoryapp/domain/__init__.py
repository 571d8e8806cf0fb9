"""What is true of memory without a database: pure values and functions."""

"""What is true of practice without a database: pure values and functions."""

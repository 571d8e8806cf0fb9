"""The rules of a small support desk, free of any protocol."""

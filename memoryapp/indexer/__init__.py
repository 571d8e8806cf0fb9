"""Jobs of memoryapp: vectors for wordings, receipts from their buffer. They never enqueue."""

"""The REST API of memory: parse, pass the gate, make one call, render."""

"""The roles of practice on a language model, behind ``ports``; ``rules`` has them without one."""

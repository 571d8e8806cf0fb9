"""How memory is made: environments, runs, verdicts, root causes. It may use ``memoryapp``."""

"""Root causes: recursive reasoning over a causal graph, with agentic memory. Pure, no IO.

Source: AMER-RCL (arXiv 2601.02732), reconstructed; ``docs/rootcause.md`` says how and where not.
"""

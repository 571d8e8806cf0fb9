"""Root causes: recursive reasoning over a causal graph, with agentic memory. Pure, no IO.

Source: AMER-RCL (arXiv 2601.02732), reconstructed; ``docs/rootcause.md`` says how and where not.

In all of its modules times are UTC epoch seconds, durations and widths of bins seconds, weights of
findings nats, shares and scores 0 to 1. ``window`` holds what is examined and ``reference`` what is
usual, ``None`` where nothing fault-free is known. ``cuts`` are the times, in order, at which the
fault may have taken hold. Columns of one table have equal length; NaN is a number not known.
"""

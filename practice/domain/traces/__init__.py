"""Spans and exports of other tools, read into trajectories. Pure."""

"""The roles of practice without a language model."""

from practice.agents.rules.engine import build_engine

__all__ = ["build_engine"]

"""The work of a run: claim a unit, ask an agent, store the answer under the claim."""

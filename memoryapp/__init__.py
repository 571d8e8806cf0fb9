"""What agents know: playbooks, bullets, candidates, releases. It knows nothing of ``practice``."""

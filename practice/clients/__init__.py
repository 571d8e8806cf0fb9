"""The only code of practice that talks to a network or to processes."""

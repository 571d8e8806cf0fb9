"""What people and programs may do: one transaction each, its history in it."""

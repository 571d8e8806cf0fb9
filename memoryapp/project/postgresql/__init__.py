"""Django's backend of PostgreSQL, over connections that notice when it hangs."""

"""Many songs at once: what is to be covered, how it is called, what is done already, and the table at the end."""

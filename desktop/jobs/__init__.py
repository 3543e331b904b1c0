"""Jobs: what is to be done, who does it, and what is heard of it meanwhile."""

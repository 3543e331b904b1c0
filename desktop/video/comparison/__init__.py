"""A clip before and after in numbers, over time."""

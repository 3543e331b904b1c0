"""What watches over a queue that nobody watches: disk, battery, quiet hours, sleep, and what happens when all is done."""

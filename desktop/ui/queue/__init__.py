"""The list of jobs and batches in the queue below the panels."""

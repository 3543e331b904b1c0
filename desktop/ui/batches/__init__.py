"""Batches that panels start: put together, looked over, followed; shared by the panels."""

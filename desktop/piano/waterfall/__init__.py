"""Falling notes: one renderer (numpy only) for the video and for the window, and the job that writes the video."""

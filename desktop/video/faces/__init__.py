"""Faces in video: found, followed through a shot, aligned for a restorer, and put back without a seam."""

"""Old video: faces get their detail back."""

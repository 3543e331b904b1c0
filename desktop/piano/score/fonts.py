"""Which fonts the words of a score ask for; apart from all else, as the window needs to know it too."""

SERIF = "Times New Roman, Liberation Serif, Tinos, Nimbus Roman, Noto Serif, DejaVu Serif, serif"
"""Families of the words on a page; the first ones have the widths that the page was laid out with."""

"""Writing text with exported language models: caches, greedy and beam search, choices among given answers."""

from desktop.models.decoding.search import Generator as Generator

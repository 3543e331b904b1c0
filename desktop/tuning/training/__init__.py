"""Tuning of decoders and of encoder-decoders, by adapters or as a whole: our own loop on torch.

``loop.train`` is the way in. A training can be ended at any moment and goes on from its last checkpoint as if nothing had
happened; on a CPU to the last bits of its losses.
"""

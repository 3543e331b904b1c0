"""Recipe of resources/models/melody-1.

1. ``render``: plays songs of POP909 as pop bands, with the SoundFont's lead or a synthetic singer, and keeps what the
   transcription network hears with the true melody: about 3 s a song of a minute on one core, 1.4 MB each.
2. ``train``: a few thousand small batches, 0.4 s each on one core in bfloat16; picks up songs that are still being rendered;
   ``--resume`` goes on from the last weights.
3. ``export``: ONNX, compared with the network on inputs of several shapes. Needs the package ``onnx`` besides the project's own.
4. ``evaluate``: mir_eval's melody figures on songs that were not trained on, beside two plain methods.

Run as modules from ``packaging/training``. Songs 1 to 679 are for training, 680 to 719 for choices, 720 on for reports.
"""

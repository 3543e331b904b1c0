"""Recipe of the open-weights face restorer: data, degradation, network, training, evaluation, export.

Run the parts as modules from `packaging/training`, for example `python -m face_restorer.train --help`.
"""

"""Networks published for ncnn: a text file with the layers (.param) and a file with their weights (.bin).

``layers`` reads the first, ``weights`` the second, ``onnx`` writes what both say as ONNX.
"""

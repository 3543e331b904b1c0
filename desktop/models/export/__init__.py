"""Exporters: weights as published in, a checked ONNX file out."""

"""Scoring models: on rows whose answers are known, and on MMLU."""

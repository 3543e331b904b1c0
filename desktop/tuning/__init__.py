"""Fine-tuning small language models for one job."""

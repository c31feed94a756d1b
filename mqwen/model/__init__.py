"""The spliced model: vision tower, projector, Qwen language model."""

"""The arithmetic that targets share: scalar formulas, and which kernel computes which."""

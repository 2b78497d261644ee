"""The compiled loops, a folder a target. Kernels know the registry and nothing above it."""

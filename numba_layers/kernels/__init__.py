"""The compiled loops, a room a target. Kernels know the registry and nothing above it."""

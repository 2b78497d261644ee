"""What kernels of the CPU are made of: register tiles, vectors of channels, sums in a fixed order, workspace."""

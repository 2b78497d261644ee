"""How CUDA kernels are made: compiled, linked, kept and launched."""

"""The engine of products of matrices, and of convolutions as such: tiles, mainloop, operands."""

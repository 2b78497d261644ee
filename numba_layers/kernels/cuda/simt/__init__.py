"""What threads of a GPU do together: places in the grid, groups, vectors of four."""

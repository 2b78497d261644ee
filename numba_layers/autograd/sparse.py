"""SciPy's sparse matrices, compared with what they say of themselves before a kernel follows their indices.

Neither kernels nor SciPy's own compiled routines look where an index points: one from a damaged file, or from arrays
changed by hand, reads and writes beyond the arrays.
"""


from ..errors import DataError, ShapeError


def is_sparse(value):
    """True for a SciPy matrix in any of its sparse formats."""
    return hasattr(value, "tocsr")


def as_csr(matrix, where="a sparse matrix"):
    """`matrix`, in any of SciPy's sparse formats, as CSR, checked.

    Raises: DataError for index arrays that are no whole numbers, of the wrong length, or point outside of the matrix;
    ShapeError for an array of another number of axes than two.
    """
    if len(matrix.shape) != 2:
        raise ShapeError(f"{where} must have two axes, got shape {matrix.shape}.")
    if matrix.format != "csr":
        _check(matrix, where)
        matrix = matrix.tocsr()
    _check(matrix, where)
    return matrix


def as_dense(value):
    """An array in place of a sparse matrix, which is checked; other values as they are."""
    return as_csr(value).toarray() if is_sparse(value) else value


def check_compressed(indptr, indices, stored, rows, columns, where):
    """Compare the arrays of a CSR matrix (of a CSC one with rows and columns exchanged) that stores so many numbers.

    Raises: DataError where row n does not lie in columns indices[indptr[n]:indptr[n + 1]] of the matrix.
    """
    for name, array in (("indptr", indptr), ("indices", indices)):
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise _damaged(where, f"{name} must be a row of whole numbers, got {array.dtype} of shape {array.shape}")
    if rows < 0 or columns < 0:
        raise _damaged(where, f"it has {rows} rows and {columns} columns")
    if indptr.size != rows + 1:
        raise _damaged(where, f"indptr has {indptr.size} entries, expected {rows + 1}")
    if indptr[0] != 0 or (indptr[1:] < indptr[:-1]).any():
        raise _damaged(where, "indptr must begin with 0 and never fall")
    used = int(indptr[-1])
    if used > min(indices.size, stored):
        raise _damaged(where, f"indptr ends with {used}, but {indices.size} indices and {stored} numbers are stored")
    _check_range(indices[:used], columns, "indices", where)


def _check(matrix, where):
    rows, columns = matrix.shape
    if matrix.format == "csr":
        check_compressed(matrix.indptr, matrix.indices, matrix.data.shape[0], rows, columns, where)
    elif matrix.format == "csc":
        check_compressed(matrix.indptr, matrix.indices, matrix.data.shape[0], columns, rows, where)
    elif matrix.format == "bsr":
        high, wide = matrix.data.shape[1:]
        check_compressed(matrix.indptr, matrix.indices, matrix.data.shape[0], rows // high, columns // wide, where)
    elif matrix.format == "coo":
        for name, places, size in (("rows", matrix.row, rows), ("columns", matrix.col, columns)):
            if places.shape != matrix.data.shape:
                raise _damaged(where, f"{places.size} {name} for {matrix.data.size} numbers")
            _check_range(places, size, name, where)
    elif matrix.format == "dia" and matrix.offsets.shape != matrix.data.shape[:1]:
        raise _damaged(where, f"{matrix.offsets.size} offsets for {len(matrix.data)} diagonals")


def _check_range(places, size, name, where):
    if places.size:
        low, high = places.min(), places.max()
        if low < 0 or high >= size:
            raise _damaged(where, f"{name} must lie in 0..{size - 1}, got {low}..{high}")


def _damaged(where, what):
    return DataError(f"{where} is damaged: {what}. Make it anew from rows and columns, for example with "
                     "scipy.sparse.csr_matrix((numbers, (rows, columns)), shape).")

"""The matrices of Winograd's convolution, from which the targets derive their transforms: Y = M X M.T.

A 3 x 3 convolution makes blocks of m x m outputs from (m + 2) x (m + 2) inputs x and the window g as

    y = A.T [(G g G.T) * (B.T x B)] A       (* is number by number, and a matrix product over channels)

with (m + 2)² multiplications in place of 9 m². The window's gradient (wgrad), by that of y, takes as many:

    grad_g = G.T [(B.T x B) * (A grad_y A.T)] G

m = 4 multiplies 4 times less and rounds to about 1e-6 of the result's scale in float32; m = 2 2.25 times less.
Reference: Lavin & Gray 2016, "Fast algorithms for convolutional neural networks", §4.1 and §4.2.
"""

SIDE = 6               # of a transformed block, at most: m + 2
POINTS = SIDE * SIDE   # its numbers

# B.T, G and A.T for m = 4 and m = 2; A and G.T, for the gradient of the window
INPUT_4, WEIGHT_4, OUTPUT_4, INPUT_2, WEIGHT_2, OUTPUT_2, GRADIENT_4, WINDOW_4 = range(8)

MATRICES = {
    INPUT_4: ((4, 0, -5, 0, 1, 0),
              (0, -4, -4, 1, 1, 0),
              (0, 4, -4, -1, 1, 0),
              (0, -2, -1, 2, 1, 0),
              (0, 2, -1, -2, 1, 0),
              (0, 4, 0, -5, 0, 1)),
    WEIGHT_4: ((1 / 4, 0, 0),
               (-1 / 6, -1 / 6, -1 / 6),
               (-1 / 6, 1 / 6, -1 / 6),
               (1 / 24, 1 / 12, 1 / 6),
               (1 / 24, -1 / 12, 1 / 6),
               (0, 0, 1)),
    OUTPUT_4: ((1, 1, 1, 1, 1, 0),
               (0, 1, -1, 2, -2, 0),
               (0, 1, 1, 4, 4, 0),
               (0, 1, -1, 8, -8, 1)),
    INPUT_2: ((1, 0, -1, 0),
              (0, 1, 1, 0),
              (0, -1, 1, 0),
              (0, 1, 0, -1)),
    WEIGHT_2: ((1, 0, 0),
               (1 / 2, 1 / 2, 1 / 2),
               (1 / 2, -1 / 2, 1 / 2),
               (0, 0, 1)),
    OUTPUT_2: ((1, 1, 1, 0),
               (0, 1, -1, -1)),
}
MATRICES[GRADIENT_4], MATRICES[WINDOW_4] = (tuple(zip(*MATRICES[kind])) for kind in (OUTPUT_4, WEIGHT_4))


def pairs(rows):
    """(r, equal, opposite) of each two neighbours, r and r + 1, that are alike but for signs: e + o and e - o, where e
    is the product with `equal`, their half sum, and o that with `opposite`, their half difference."""
    found, r = [], 0
    while r + 1 < len(rows):
        one, other = rows[r], rows[r + 1]
        equal = tuple(a if a == b else 0 for a, b in zip(one, other))
        opposite = tuple(a if a != b else 0 for a, b in zip(one, other))
        alike = all(abs(a) == abs(b) for a, b in zip(one, other)) and any(equal) and any(opposite)
        found += [(r, equal, opposite)] if alike else []
        r += 2 if alike else 1
    return found

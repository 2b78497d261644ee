"""The first bytes of an HDF5 file, its superblock, and their checksum.

HDF5 before 2.0 (h5py before 3.16) clears a flag in the image of a file in memory and leaves the checksum as it was
with it: no reader opens what was saved so. `mended` gives it the checksum of what it holds.

Reference: "HDF5 File Format Specification Version 3.0", II.A; Jenkins 2006, lookup3, `hashlittle`.
"""

SUPERBLOCK = 64     # bytes, at least

_SIGNATURE, _MASK = b"\x89HDF\r\n\x1a\n", 0xFFFFFFFF
_MIX = (0, 2, 4, 1), (1, 0, 6, 2), (2, 1, 8, 0), (0, 2, 16, 1), (1, 0, 19, 2), (2, 1, 4, 0)    # x, y, bits, added to y
_FINAL = (2, 1, 14), (0, 2, 11), (1, 0, 25), (2, 1, 16), (0, 2, 4), (1, 0, 14), (2, 1, 24)


def mended(image):
    """`image`, the beginning of a file, with the checksum that its superblock (version 2 or 3) has to have."""
    if not image.startswith(_SIGNATURE) or image[8] < 2:
        return image
    end = 12 + 4 * image[9]     # four addresses, after signature, version, two sizes and flags
    return image[:end] + lookup3(image[:end]).to_bytes(4, "little") + image[end + 4:]


def lookup3(data):
    """Jenkins's hash of some bytes, at least one: 32 bits."""
    state = [(0xDEADBEEF + len(data)) & _MASK] * 3
    for start in range(0, len(data), 12):
        block = data[start:start + 12].ljust(12, b"\0")
        for i in range(3):
            state[i] = (state[i] + int.from_bytes(block[4 * i:4 * i + 4], "little")) & _MASK
        if start + 12 < len(data):
            for x, y, bits, added in _MIX:
                state[x] = (state[x] - state[y] & _MASK) ^ _rotated(state[y], bits)
                state[y] = state[y] + state[added] & _MASK
    for x, y, bits in _FINAL:
        state[x] = (state[x] ^ state[y]) - _rotated(state[y], bits) & _MASK
    return state[2]


def _rotated(word, bits):
    return (word << bits | word >> 32 - bits) & _MASK

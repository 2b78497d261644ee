"""What CIFAR-10 and CIFAR-100 share: batches of 32 x 32 colour images.

Reference: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images".
"""

from pathlib import Path

import numpy as np

from ..config import image_data_format
from ..errors import DataError
from ..utils.data_utils import get_file
from ._files import cure, data_folder, read

ORIGIN = "https://www.cs.toronto.edu/~kriz/"


def load_batch(fpath, label_key="labels"):
    """(x, y) of one batch: x (n, 3, 32, 32) uint8, y a list of n labels."""
    content = read(fpath)
    try:
        data = np.asarray(content["data"], dtype=np.uint8)
        return data.reshape(len(data), 3, 32, 32), content[label_key]
    except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{fpath} is no CIFAR batch with {label_key!r} ({error}). {cure(fpath)}") from error


def folder(name, archive, file_hash):
    """The unpacked data set `name`, from `name`.tar.gz or `archive` in the data folder, else downloaded."""
    place = data_folder() / name
    saved_as = place.with_name(archive)
    packed = place.with_name(name + ".tar.gz")
    if saved_as.exists() and not packed.exists() and not place.exists():
        saved_as.rename(packed)     # as a browser saves it
    if packed.exists():
        file_hash = None            # a file put there by hand is taken as it is
    return Path(get_file(place, ORIGIN + archive, untar=True, file_hash=file_hash))


def collect(files, label_key):
    """All batches in one: x in the layout of `image_data_format()`, y (n, 1) uint8."""
    batches = []
    for file in files:
        data, labels = load_batch(file, label_key)
        labels = np.asarray(labels)
        if labels.dtype.kind not in "iu" or labels.shape != data.shape[:1] or not np.isin(labels, range(100)).all():
            raise DataError(f"{file} holds {len(data)} images, and as {label_key} no list of {len(data)} whole numbers "
                            f"from 0 on. {cure(file)}")
        batches.append((data, labels.astype(np.uint8)))
    x, y = map(np.concatenate, zip(*batches))
    if image_data_format() == "channels_last":
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    return x, y.reshape(-1, 1)

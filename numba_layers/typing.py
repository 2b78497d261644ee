"""The words for types in the signatures of what users call.

    from numba_layers.typing import ArrayLike, TensorLike

Type checkers read them; the package itself loads this module nowhere, so hints cost no time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Protocol, TypeAlias, TypedDict

import numpy as np
from numpy.typing import DTypeLike, NDArray


class HasArray(Protocol):
    """What NumPy makes an array of: arrays, tensors, tables of pandas."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any: ...


class OnGpu(Protocol):
    """An array in a GPU's memory, of any library: CuPy, PyTorch, Numba."""

    @property
    def __cuda_array_interface__(self) -> Any: ...


class SparseMatrix(Protocol):
    """A matrix of which some numbers are stored row by row, such as SciPy's CSR matrices."""

    indptr: Any
    indices: Any
    data: Any

    @property
    def shape(self) -> Any: ...


# A list or tuple may be nested; what is in it is compared when it runs (text is a sequence of texts without end).
ArrayLike: TypeAlias = NDArray[Any] | np.generic | float | list[Any] | tuple[Any, ...] | HasArray | OnGpu
TensorLike: TypeAlias = ArrayLike | SparseMatrix      # a Tensor has __array__
DtypeLike: TypeAlias = DTypeLike

Shape: TypeAlias = tuple[int | None, ...]             # None: a size that is not known yet
ShapeLike: TypeAlias = Sequence[int | None]
PerAxis: TypeAlias = int | Sequence[int]              # a number, or one for each spatial axis
Padding: TypeAlias = str | Sequence[Sequence[int]]    # 'same', 'valid', ...; or (before, after) for each axis

# A name, what `serialize` gave, an object or its class: activations, initializers, losses, ...
Identifier: TypeAlias = str | Mapping[str, Any] | Callable[..., Any] | None
Config: TypeAlias = dict[str, Any]                    # what `get_config` answers
CustomObjects: TypeAlias = Mapping[str, Any] | None   # name -> a class or function of the user's own

# Arrays of a model: one, a list of several, or a dictionary by name
Data: TypeAlias = TensorLike | Mapping[str, Any]
ClassWeights: TypeAlias = Mapping[Any, Any] | Sequence[Any] | str | None
Batches: TypeAlias = Iterable[Any] | Sequence[Any]    # of a generator, or of a `utils.Sequence`
FilePath: TypeAlias = str | PathLike[str]
Logs: TypeAlias = dict[str, Any]                      # what callbacks get: figures by name


class LayerOptions(TypedDict, total=False):
    """What every layer takes by keyword."""

    name: str | None
    trainable: bool
    input_shape: ShapeLike | None
    batch_input_shape: ShapeLike | None
    batch_size: int | None
    dtype: DtypeLike | None
    input_dtype: DtypeLike | None
    input_dim: int | None
    input_length: int | None
    weights: Sequence[ArrayLike] | None


class DenseOptions(LayerOptions, total=False):
    """Beside those, Keras 1's names for arguments of layers with a kernel and a bias."""

    init: Identifier
    W_regularizer: Identifier
    b_regularizer: Identifier
    W_constraint: Identifier
    b_constraint: Identifier
    bias: bool


class ImageOptions(LayerOptions, total=False):
    """Keras 1's name for the data format of layers of images."""

    dim_ordering: str


class ConvOptions(DenseOptions, ImageOptions, total=False):
    """Keras 1's names for arguments of convolutions."""

    border_mode: str
    subsample: PerAxis
    subsample_length: int
    atrous_rate: PerAxis
    groups: int     # tf.keras's, 1


class PoolingOptions(ImageOptions, total=False):
    """Keras 1's names for arguments of pooling."""

    border_mode: str


class Pooling1DOptions(LayerOptions, total=False):
    """The same for sequences."""

    pool_length: int
    stride: int
    border_mode: str


class ResizingOptions(LayerOptions, total=False):
    """Keras 2's names for arguments of upsampling and zero padding."""

    data_format: str | None
    interpolation: str


class ModelNames(TypedDict, total=False):
    """Keras 1's names for arguments of a model."""

    input: Any
    output: Any


class FitNames(TypedDict, total=False):
    """Keras 1's name for an argument of `fit`."""

    nb_epoch: int


class GeneratorNames(TypedDict, total=False):
    """Keras 1's names for how batches of a generator are drawn."""

    max_q_size: int
    nb_worker: int
    pickle_safe: bool


class FitGeneratorNames(FitNames, GeneratorNames, total=False):
    """Keras 1's names for arguments of `fit_generator`."""

    samples_per_epoch: int | None
    nb_val_samples: int | None


class EvaluateGeneratorNames(GeneratorNames, total=False):
    """Keras 1's names for arguments of `evaluate_generator` and `predict_generator`."""

    val_samples: int | None


class PlateauNames(TypedDict, total=False):
    """Keras 1's name for an argument of `ReduceLROnPlateau`."""

    epsilon: float


class ImageNames(TypedDict, total=False):
    """Keras 1's name for the data format in `K`."""

    dim_ordering: str


class PoolingNames(ImageNames, total=False):
    """Keras 1's names for arguments of `K.pool2d` and `K.pool3d`."""

    border_mode: str


class AxisNames(TypedDict, total=False):
    """Keras 1's name for an argument of `K.expand_dims`."""

    dim: int


class NormalNames(TypedDict, total=False):
    """Keras 1's name for an argument of `K.random_normal`."""

    std: float


class UniformNames(TypedDict, total=False):
    """Keras 1's names for arguments of `K.random_uniform`."""

    low: float
    high: float


class Clipping(TypedDict, total=False):
    """What every optimizer takes by keyword."""

    clipnorm: float | None
    clipvalue: float | None

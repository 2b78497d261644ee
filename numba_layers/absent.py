"""What Keras 1 and 2 have and this package has not yet, so that every way to ask for it answers the same."""

import sys

from .errors import AbsentError, MissingError

_KINDS = {
    "connectionist temporal classification": ("ctc_batch_cost", "ctc_cost", "ctc_decode", "ctc_label_dense_to_sparse"),
    "sessions, for it runs without TensorFlow": ("get_session", "set_session"),
    "queues that threads fill": ("GeneratorEnqueuer", "OrderedEnqueuer", "SequenceEnqueuer"),
    "callbacks that report elsewhere": ("RemoteMonitor", "TensorBoard"),
    "optimizers of TensorFlow": ("TFOptimizer",),
    "models with pretrained weights": (
        "applications", "densenet", "imagenet_utils", "inception_resnet_v2", "inception_v3", "mobilenet",
        "mobilenet_v2", "mobilenetv2", "nasnet", "resnet50", "vgg16", "vgg19", "xception"),
    "preprocessing": (
        "ImageDataGenerator", "TimeseriesGenerator", "Tokenizer", "image", "pad_sequences", "preprocessing", "sequence",
        "text"),
    "wrappers for scikit-learn": ("KerasClassifier", "KerasRegressor", "scikit_learn", "wrappers"),
    "matrices read from HDF5 files": ("HDF5Matrix", "io_utils"),
    "training on several GPUs": ("multi_gpu_model", "multi_gpu_utils", "training_utils"),
    "drawings of models": ("model_to_dot", "plot_model", "vis_utils", "visualize_util"),
}
_KIND = {name: kind for kind, names in _KINDS.items() for name in names}


def knows(name):
    """Whether `name` is one of these."""
    return isinstance(name, str) and name in _KIND


def sentence(name):
    """For the message: that it is known, and not there yet."""
    return f"{name} is known, but this package does not have {_KIND[name]} yet."


def attribute_of(module):
    """The `__getattr__` of the module of that name: it says of what is absent that it is."""
    def missing(name):
        if knows(name):
            raise AbsentError(f"module {module!r} has no attribute {name!r}: {sentence(name)}", name=name)
        raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name)

    return missing


class Finder:
    """Stands behind all other finders: says of what is imported from this package, and absent, that it is."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == __package__ and knows(name.rpartition(".")[2]):
            raise MissingError(f"cannot import {name}: {sentence(name.rpartition('.')[2])}", name=name)


def watch_imports():
    """Put the finder there."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.append(Finder())

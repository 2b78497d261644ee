"""Descriptions and files of other Kerases than those read here: told what they are, not that they are damaged."""

from contextlib import contextmanager

from ..arguments import dictionaries
from ..errors import NumbaLayersError

_READ = "Files of Keras 1.x and of Keras 2.0 to 2.2 are read here"


@contextmanager
def naming_dialect(description, version=None):
    """Inside, errors of this package end with whose description it is, where that is another dialect.

    version: of the Keras that wrote the file, where it says so.
    """
    try:
        yield
    except NumbaLayersError as error:
        told = dialect(description, version)
        if told and not getattr(error, "has_dialect", False):
            error.args = (f"{error} This is no damage: it was written by {told}. {_READ}.", *error.args[1:])
            error.has_dialect = True
        raise


def dialect(description, version=None):
    """The newer or other Keras that wrote a description, or None where nothing says so."""
    if not isinstance(description, dict):
        return None
    version = str(version or description.get("keras_version") or "")
    if "modelTopology" in description or "weightsManifest" in description:
        return "TensorFlow.js, whose model.json holds a Keras description under 'modelTopology'"
    if "-tf" in version or version.startswith("2.") and _number(version[2:]) > 3:
        return f"tf.keras {version}"
    if version.startswith("2.3"):
        return f"Keras {version}, newer than 2.2"
    if _number(version) >= 3 or _mentions(description, _KERAS3):
        return f"Keras {version or 3}"
    if description.get("class_name") == "Functional" or _mentions(description, _TF_KERAS):
        return "tf.keras or a Keras newer than 2.2"
    if "class_name" not in description and ("layers" in description or "nodes" in description):
        return "Keras 0.x"
    return None


_KERAS3 = {"registered_name", "build_config", "compile_config", "module"}
_TF_KERAS = {"ragged", "groups", "synchronization", "batch_shape", "shared_object_id"}


def _number(version):
    """The number that a version begins with, 0 where it begins with none."""
    number = version.partition(".")[0]
    return int(number[:9]) if number.isdecimal() else 0


def _mentions(description, words):
    """Whether one of `words` is a key at any depth."""
    return any(words & set(map(str, part)) for part in dictionaries(description))

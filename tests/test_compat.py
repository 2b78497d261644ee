"""`import keras` means this package once `compat.install` was called. Each script runs in its own process."""

import subprocess
import sys
import textwrap

import pytest

from numba_layers import config
from numba_layers.errors import ArgumentError


def run(script, *args, expect=0):
    """What the script prints; its exit code must be `expect`."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script), *args],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == expect, done.stderr
    return done.stdout if expect == 0 else done.stderr


INSTALL = "import numba_layers.compat as compat; compat.install({version!r})\n"


def keras(script, version="2.2.5", expect=0):
    return run(INSTALL.format(version=version) + textwrap.dedent(script), expect=expect)


def test_modules_and_names_are_this_packages():
    keras("""
        import keras
        import numba_layers
        from keras import backend as K
        from keras.backend import dot
        from keras.datasets import mnist
        from keras.utils import np_utils
        from keras.utils.np_utils import to_categorical
        assert keras.__version__ == "2.2.5"
        assert dot is numba_layers.backend.dot is K.dot is keras.backend.dot
        assert to_categorical is np_utils.to_categorical is numba_layers.utils.np_utils.to_categorical
        assert mnist.load_data is keras.datasets.mnist.load_data is numba_layers.datasets.mnist.load_data
        assert "dot" in dir(K)
    """)


def test_layers_models_and_the_rest():
    keras("""
        from keras.layers import Dense, Dropout, Input
        from keras.layers.core import Dense as CoreDense
        from keras.models import Sequential, Model
        from keras.engine.saving import load_model
        from keras.engine.topology import Layer
        from keras.engine import Input as EngineInput
        from keras.optimizers import SGD
        from keras.regularizers import l2
        from keras.callbacks import EarlyStopping
        import keras.objectives, keras.initializations, keras.constraints, keras.metrics
        assert Dense is CoreDense and Input is EngineInput and issubclass(Dense, Layer)
    """)


def test_layers_of_images_where_keras_has_them():
    keras("""
        from keras.layers import Conv2D, Convolution2D, MaxPooling2D, SeparableConv2D, ZeroPadding2D
        from keras.layers.convolutional import Convolution2D as Again, MaxPooling2D as Pooling, Deconvolution2D
        from keras.layers.convolutional import AtrousConvolution1D, AtrousConv2D, Conv2DTranspose, UpSampling2D
        from keras.layers.pooling import AveragePooling2D, GlobalAveragePooling2D
        from keras.utils.conv_utils import convert_kernel
        from keras.utils.layer_utils import convert_all_kernels_in_model
        from keras.utils import np_utils
        import numba_layers.layers.convolutional as place
        assert Again is Convolution2D is place.Convolution2D and Pooling is MaxPooling2D is place.MaxPooling2D
        assert np_utils.convert_kernel is not convert_kernel
    """)


@pytest.mark.slow
def test_mnist_cnn_of_keras1():
    """The layers of its example, word for word, on small noise."""
    keras("""
        import numpy as np
        np.random.seed(1337)
        from keras.models import Sequential
        from keras.layers import Dense, Dropout, Activation, Flatten
        from keras.layers import Convolution2D, MaxPooling2D
        from keras.utils import np_utils
        from keras import backend as K
        nb_classes, nb_filters, pool_size, kernel_size, img_rows, img_cols = 10, 8, (2, 2), (3, 3), 12, 12
        X_train, y_train = np.random.rand(20, img_rows, img_cols), np.random.randint(0, 10, 20)
        if K.image_dim_ordering() == 'th':
            X_train = X_train.reshape(X_train.shape[0], 1, img_rows, img_cols)
            input_shape = (1, img_rows, img_cols)
        else:
            X_train = X_train.reshape(X_train.shape[0], img_rows, img_cols, 1)
            input_shape = (img_rows, img_cols, 1)
        Y_train = np_utils.to_categorical(y_train, nb_classes)
        model = Sequential()
        model.add(Convolution2D(nb_filters, kernel_size[0], kernel_size[1],
                                border_mode='valid',
                                input_shape=input_shape))
        model.add(Activation('relu'))
        model.add(Convolution2D(nb_filters, kernel_size[0], kernel_size[1]))
        model.add(Activation('relu'))
        model.add(MaxPooling2D(pool_size=pool_size))
        model.add(Dropout(0.25))
        model.add(Flatten())
        model.add(Dense(128))
        model.add(Activation('relu'))
        model.add(Dropout(0.5))
        model.add(Dense(nb_classes))
        model.add(Activation('softmax'))
        assert model.layers[4].output_shape == (None, 8, 4, 4)
        model.compile(loss='categorical_crossentropy', optimizer='adadelta', metrics=['accuracy'])
        model.fit(X_train, Y_train, batch_size=8, nb_epoch=1, verbose=0, validation_data=(X_train, Y_train))
        assert model.evaluate(X_train, Y_train, verbose=0)[0] > 0
    """, version="1.2.2")


@pytest.mark.slow
def test_mnist_cnn_of_keras2():
    keras("""
        import keras
        import numpy as np
        from keras.models import Sequential
        from keras.layers import Dense, Dropout, Flatten
        from keras.layers import Conv2D, MaxPooling2D
        from keras import backend as K
        num_classes, img_rows, img_cols = 10, 12, 12
        x_train, y_train = np.random.rand(20, img_rows, img_cols), np.random.randint(0, 10, 20)
        if K.image_data_format() == 'channels_first':
            x_train = x_train.reshape(x_train.shape[0], 1, img_rows, img_cols)
            input_shape = (1, img_rows, img_cols)
        else:
            x_train = x_train.reshape(x_train.shape[0], img_rows, img_cols, 1)
            input_shape = (img_rows, img_cols, 1)
        y_train = keras.utils.to_categorical(y_train, num_classes)
        model = Sequential()
        model.add(Conv2D(32, kernel_size=(3, 3), activation='relu', input_shape=input_shape))
        model.add(Conv2D(64, (3, 3), activation='relu'))
        model.add(MaxPooling2D(pool_size=(2, 2)))
        model.add(Dropout(0.25))
        model.add(Flatten())
        model.add(Dense(128, activation='relu'))
        model.add(Dropout(0.5))
        model.add(Dense(num_classes, activation='softmax'))
        assert model.layers[2].output_shape == (None, 4, 4, 64)
        model.compile(loss=keras.losses.categorical_crossentropy,
                      optimizer=keras.optimizers.Adadelta(),
                      metrics=['accuracy'])
        model.fit(x_train, y_train, batch_size=8, epochs=1, verbose=0, validation_data=(x_train, y_train))
        assert model.evaluate(x_train, y_train, verbose=0)[0] > 0
    """)


def test_merge_is_a_function_and_a_module():
    keras("""
        from keras.layers import Dense, Input, merge
        x = Input(shape=(3,))
        pair = [Dense(2)(x), Dense(2)(x)]
        assert merge(pair, mode="concat").shape == (None, 4)
        from keras.layers.merge import add
        from keras.layers import merge
        assert merge.add is add and add(pair).shape == merge(pair, mode="sum").shape == (None, 2)
    """)


def test_star_import_brings_the_public_names():
    keras("""
        from keras.backend import *
        assert floatx() == "float32"
        assert "np" not in globals()
    """)


def test_importing_keras_is_lazy():
    keras("""
        import sys
        import keras
        assert not [name for name in sys.modules if name.startswith("numba_layers.kernels")]
        assert "numba_layers.layers" not in sys.modules
    """)


@pytest.mark.parametrize("statement, words", [
    ("from keras.backend import conv9d", ["backend.conv9d", "In keras.backend there are:", "batch_dot"]),
    ("from keras.backend import batch_dots", ["Did you mean 'batch_dot'?"]),
    ("import keras.contrib", ["keras.contrib", "In keras there are:", "layers"]),
    ("import keras.contrib.deeper", ["keras.contrib"]),
    ("from keras.layers.core import Denser", ["In keras.layers.core there are:", "Did you mean 'Dense'?"]),
])
def test_what_is_missing_is_an_import_error_that_lists_what_there_is(statement, words):
    error = keras(statement, expect=1)
    last = error.strip().splitlines()[-1]
    assert "MissingError: numba_layers does not have" in last
    for word in words:
        assert word in last


def test_missing_names_can_be_asked_for():
    keras("""
        import keras
        assert not hasattr(keras.backend, "set_session")
        try:
            from keras.backend.tensorflow_backend import set_session
        except ImportError as error:
            assert error.name.endswith("set_session")
        else:
            raise SystemExit("imported")
    """)


@pytest.mark.parametrize("version", ["1.2.2", "2.0.9"])
def test_version_is_the_one_asked_for(version):
    keras(f"""
        import keras
        from numba_layers import config
        assert keras.__version__ == config.keras_version() == {version!r}
        compat.install("2.1.0")
        assert keras.__version__ == config.keras_version() == "2.1.0"
    """, version)


def test_other_versions_are_refused():
    with pytest.raises(ArgumentError, match="1.x and 2.x"):
        config.set_keras_version("3.0")


def test_keras_1_takes_the_output_before_the_target():
    script = """
        import numpy as np
        from keras import backend as K
        target, output = np.array([[0, 1.]]), np.array([[.25, .75]])
        print(float(K.eval(K.categorical_crossentropy({order}))[0]))
    """
    answers = [float(keras(script.format(order=order), version))
               for version, order in (("1.2.2", "output, target"), ("2.2.5", "target, output"))]
    assert answers == pytest.approx([0.2876821, 0.2876821])


def test_real_keras_imported_before_is_an_error(tmp_path):
    (tmp_path / "keras.py").write_text("__version__ = '2.0'")
    error = run(f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        import keras
        from numba_layers import compat
        compat.install()
    """, expect=1)
    assert "keras is imported already, from" in error and "before anything imports keras" in error


def test_uninstall_gives_keras_back(tmp_path):
    (tmp_path / "keras.py").write_text("real = True")
    keras(f"""
        import sys
        import keras.backend
        compat.uninstall()
        sys.path.insert(0, {str(tmp_path)!r})
        import keras
        assert keras.real
        compat.uninstall()
    """)


def test_run_script_is_like_running_it(tmp_path):
    (tmp_path / "helper.py").write_text("word = 'beside'")
    script = tmp_path / "old.py"
    script.write_text(textwrap.dedent("""
        import sys
        import keras
        from helper import word
        if __name__ == "__main__":
            print(keras.__version__, word, sys.argv[1:])
    """))
    out = run(f"""
        from numba_layers.compat import run_script
        run_script({str(script)!r}, ['a', '--b'], '1.2.2')
    """)
    assert out.split(maxsplit=2) == ["1.2.2", "beside", "['a', '--b']\n"]


def test_a_keras_1_script_runs_as_it_is():
    keras("""
        import numpy as np
        from keras import backend as K
        from keras.layers import Activation, Dense, Dropout, Input, Lambda
        from keras.models import Model, Sequential
        from keras.optimizers import SGD
        from keras.utils import np_utils

        np.random.seed(0)
        x = np.random.rand(40, 4)
        y = np_utils.to_categorical(np.random.randint(0, 3, 40), 3)
        model = Sequential()
        model.add(Dense(output_dim=8, input_dim=4, init="uniform"))
        model.add(Activation("tanh"))
        model.add(Dropout(p=0.5))
        model.add(Dense(3, activation="softmax"))
        model.compile(loss="categorical_crossentropy", optimizer=SGD(lr=0.1))
        model.fit(x, y, nb_epoch=2, verbose=0)

        dropped = K.function([model.layers[0].input, K.learning_phase()], [model.layers[2].output])
        assert (dropped([x, 0])[0] == 0).mean() == 0
        assert 0.3 < (dropped([x, 1])[0] == 0).mean() < 0.7

        gradient = K.gradients(K.sum(model.output[:, 0]), model.input)
        assert K.function([model.input], gradient)([x])[0].shape == (40, 4)

        image = Input((4,))
        noisy = Lambda(lambda t: K.in_train_phase(t + K.random_normal(K.shape(t)), t))(image)
        np.testing.assert_allclose(Model(input=image, output=noisy).predict(x), x, rtol=1e-6)
        assert np.std(K.function([image, K.learning_phase()], [noisy])([x, 1])[0] - x) > 0.5
    """, "1.2.2")


def test_lines_that_stand_at_the_top_of_scripts():
    keras("""
        from keras.utils.data_utils import Sequence
        from keras.utils.generic_utils import Progbar, serialize_keras_object, deserialize_keras_object
        from keras.utils.generic_utils import has_arg, to_list
        from keras.layers import Wrapper
        from keras.layers.wrappers import Wrapper as Again, TimeDistributed
        from keras.utils.layer_utils import layer_from_config, print_summary, count_params
        from keras.models import model_from_yaml
        from keras.engine.topology import Container, Node, get_source_inputs
        from keras.engine.network import Network
        from keras.engine.saving import load_model, model_from_json
        from keras.legacy import interfaces
        from keras.layers import Dense, Input, Layer
        from keras.models import Model
        assert issubclass(TimeDistributed, Wrapper) and Wrapper is Again and Container is Network

        x = Input((3,))
        y = Dense(2)(x)
        assert get_source_inputs(Dense(1)(y)) == [x]
        again = layer_from_config({"class_name": "Dense", "config": {"units": 4}})
        assert again.units == 4
        lines = []
        print_summary(Model(x, y), print_fn=lines.append)
        assert any("dense_1" in line for line in lines) and count_params(Model(x, y).weights) == 8

        class Mine(Layer):
            @interfaces.legacy_dense_support
            def __init__(self, units, kernel_regularizer=None, **kwargs):
                super().__init__(**kwargs)
                self.units, self.kernel_regularizer = units, kernel_regularizer

        mine = Mine(output_dim=5, W_regularizer="l2")
        assert mine.units == 5 and mine.kernel_regularizer == "l2"

        class Twice(Wrapper):
            def build(self, input_shape):
                self.layer.build(input_shape)
                self.layer.built = True
                super().build(input_shape)

            def call(self, inputs):
                return self.layer.call(self.layer.call(inputs))

        twice = Twice(Dense(3))
        assert Model(x, twice(x)).count_params() == 12 and twice.get_config()["layer"]["class_name"] == "Dense"
        bar = Progbar(4, width=4)
        bar.update(2, [("loss", 1.0)])
        bar.add(2, [("loss", 0.0)])
    """)


def test_layers_are_where_each_keras_has_them():
    keras("""
        from keras.layers.advanced_activations import (
            ELU, LeakyReLU, ParametricSoftplus, PReLU, ReLU, Softmax, SReLU, ThresholdedReLU)
        from keras.layers.core import Highway, MaxoutDense, TimeDistributedDense
        from keras.layers.local import LocallyConnected1D, LocallyConnected2D
        from keras.layers.noise import AlphaDropout, GaussianDropout, GaussianNoise
        from keras.legacy.layers import Highway as Again, MaxoutDense as Too
        import keras
        assert keras.layers.PReLU is PReLU and Again is Highway and Too is MaxoutDense
    """)


@pytest.mark.parametrize("line", [
    "from keras.callbacks import TensorBoard", "import keras; keras.callbacks.TensorBoard",
    "from numba_layers.callbacks import TensorBoard", "import numba_layers.callbacks as c; c.TensorBoard",
    "from keras.layers import deserialize; deserialize({'class_name': 'TensorBoard', 'config': {}})",
    "from keras.models import model_from_json; model_from_json('{\"class_name\": \"TensorBoard\", \"config\": {}}')",
    "from keras.models import Sequential; Sequential.from_config([{'class_name': 'TensorBoard', 'config': {}}])",
    "import keras.activations; keras.activations.get('TensorBoard')"])
def test_what_is_absent_says_so_however_it_is_asked_for(line):
    said = keras(line, expect=1).splitlines()[-1]
    assert "TensorBoard is known, but this package does not have callbacks that report elsewhere yet" in said
    assert "Did you mean" not in said


def test_what_is_absent_in_other_modules():
    keras("""
        import keras.callbacks, numba_layers.callbacks
        for module, name in (("keras.callbacks", "TensorBoard"), ("numba_layers.callbacks", "TensorBoard"),
                             ("keras.preprocessing.image", "ImageDataGenerator"), ("keras.utils", "plot_model"),
                             ("keras.applications.vgg16", "VGG16"), ("keras.utils.vis_utils", "model_to_dot")):
            try:
                exec(f"from {module} import {name}")
            except ImportError as error:
                assert "does not have" in str(error) and "yet" in str(error), error
            else:
                raise AssertionError(name)
        assert not hasattr(keras.callbacks, "TensorBoard") and not hasattr(numba_layers.callbacks, "TensorBoard")
    """)


def test_names_offered_are_keras_names():
    for line in ("from keras import autograf", "from keras.layers import Imagelaye", "from keras.utils import np_utz"):
        said = keras(line, expect=1).splitlines()[-1]
        assert not any(word in said for word in ("ImageLayer", "Windowed", "devices", "ShapeError", "unknown"))

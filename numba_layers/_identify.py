"""From what users write (a name, a configuration, an object, a function) to the thing they mean, and back.

Activations, initializers, regularizers, constraints, losses, metrics and optimizers all answer to `get`,
`serialize` and `deserialize` through a `Catalogue`.
"""

from .errors import ArgumentError, unknown
from .utils.generic_utils import get_custom_objects


class Catalogue:
    """The things of one kind by name.

    kind: the word for one of them in messages, such as "loss".   things: name -> function or class.
    makers: a function among `things` is not the thing, but is called to get it (`l2()` is a regularizer).
    """

    def __init__(self, kind, things, makers=False):
        self.kind = kind
        self.things = things
        self.makers = makers
        self._loosely = {_plain(name): thing for name, thing in reversed(things.items())}

    def get(self, identifier, options=None, custom=None):
        """The thing that `identifier` stands for; None for None.

        identifier: a name in any case style, a dictionary {'class_name': name, 'config': options} or Keras
        1's {'name': name, **options}, a class, or a thing itself, which passes through.
        options: constructor arguments that go with a name.
        custom: name -> the user's own class or function.
        Raises: UnknownNameError with the nearest name; ArgumentError for anything else.
        """
        if identifier is None:
            return None
        if isinstance(identifier, str):
            return self._make(identifier, options or {}, custom or {})
        if isinstance(identifier, dict):
            name, options = self._read(identifier)
            return self._make(name, options, custom or {})
        if isinstance(identifier, type):
            return identifier(**(options or {}))
        if callable(identifier) or hasattr(identifier, "get_config"):
            return identifier
        raise ArgumentError(f"expected a name, configuration or object of a {self.kind}, got "
                            f"{type(identifier).__name__} {identifier!r}.")

    def serialize(self, thing):
        """What `get` reads back: a function's name, or {'class_name': ..., 'config': ...} of an object."""
        if thing is None:
            return None
        if hasattr(thing, "get_config"):
            return {"class_name": type(thing).__name__, "config": thing.get_config()}
        if hasattr(thing, "__name__"):
            return thing.__name__
        raise ArgumentError(f"{self.kind} {thing!r} cannot be saved: it has neither get_config() nor a name.")

    def _read(self, config):
        if "class_name" in config:
            return config["class_name"], config.get("config") or {}
        if "name" in config:
            return config["name"], {key: value for key, value in config.items() if key != "name"}
        raise ArgumentError(f"a {self.kind} as a dictionary needs 'class_name' and 'config', got {config!r}.")

    def _make(self, name, options, custom):
        custom = get_custom_objects() | custom
        own = custom.get(name)
        thing = own or self.things.get(name) or self._loosely.get(_plain(name))
        if thing is None:
            raise unknown(self.kind, name, {**self.things, **custom})
        if isinstance(thing, type):
            return thing.from_config(options) if hasattr(thing, "from_config") else thing(**options)
        return thing(**options) if options or (self.makers and not own) else thing


def _plain(name):
    """`name` without its case style: RandomNormal, random_normal and randomNormal are one."""
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")

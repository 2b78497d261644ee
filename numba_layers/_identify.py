"""From what users write (a name, a configuration, an object, a function) to the thing they mean, and back.

Activations, initializers, regularizers, constraints, losses, metrics and optimizers all answer to `get`,
`serialize` and `deserialize` through a `Catalogue`.
"""

from . import absent, config
from .arguments import call_with, entry, options_of
from .errors import ArgumentError, UnknownNameError, shown, unknown
from .utils.generic_utils import is_loading, keeps_functions, own_objects


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
        thing = call_with(identifier, options or {}) if isinstance(identifier, type) else identifier
        if callable(thing) or hasattr(thing, "get_config"):
            return thing
        raise ArgumentError(f"expected a name, configuration or object of a {self.kind}, got "
                            f"{type(identifier).__name__} {shown(identifier)}.")

    def serialize(self, thing):
        """What `get` reads back: a function's name, or {'class_name': ..., 'config': ...} of an object."""
        if thing is None:
            return None
        if keeps_functions() and self._is_own(thing):
            return thing
        if hasattr(thing, "get_config"):
            options = thing.get_config()
            if isinstance(options, dict) and options.get("name") == type(thing).__name__:     # Keras 1's form
                options = {key: value for key, value in options.items() if key != "name"}
            return {"class_name": type(thing).__name__, "config": options}
        if hasattr(thing, "__name__"):
            return thing.__name__
        raise ArgumentError(f"{self.kind} {thing!r} cannot be saved: it has neither get_config() nor a name.")

    def _read(self, given):
        what = f"{self.kind} as a dictionary"
        if "name" in given and "class_name" not in given:
            return entry(given, "name", str, what), {key: value for key, value in given.items() if key != "name"}
        return entry(given, "class_name", str, what), given.get("config") or {}

    def _make(self, name, options, custom):
        custom = own_objects(custom)
        own = custom.get(name)
        thing = own or self.things.get(name) or self._loosely.get(_plain(name))
        if thing is None:
            raise self._unknown(name, custom)
        options_of(options, f"{self.kind} {name!r}")
        if own is not None and not isinstance(own, type):
            return own(**options) if options else own
        if isinstance(thing, type) and hasattr(thing, "from_config"):
            return thing.from_config(options)
        return call_with(thing, options) if options or self.makers or isinstance(thing, type) else thing

    def _is_own(self, thing):
        """Whether a function or an object is the user's own: neither of this catalogue nor of this package."""
        name = getattr(thing, "__name__", type(thing).__name__)
        return self.things.get(name) not in (thing, type(thing)) and not hasattr(thing, "add_weight")

    def _unknown(self, name, custom):
        if absent.knows(name):
            return UnknownNameError(f"unknown {self.kind} {name!r}: {absent.sentence(name)}")
        cure = f" If it is your own, pass custom_objects={{{name!r}: ...}}." if is_loading() else ""
        return UnknownNameError(f"{unknown(self.kind, name, {**self.things, **custom})}{cure}")


def configuration(thing, options):
    """`options` as `get_config` answers them: under Keras 1 the class's name is among them, for `get` to read."""
    return {"name": type(thing).__name__, **options} if config.keras1() else options


def _plain(name):
    """`name` without its case style: RandomNormal, random_normal and randomNormal are one."""
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")

"""Names of the user's own classes and functions, for loading."""

_custom_objects = {}


def get_custom_objects():
    """The dictionary name -> object of the user's own classes and functions; change it freely."""
    return _custom_objects


class CustomObjectScope:
    """Inside, the objects given are known by their names: `with CustomObjectScope({'MyLayer': MyLayer}): ...`."""

    def __init__(self, *dictionaries):
        self._given = dictionaries
        self._before = None

    def __enter__(self):
        self._before = dict(_custom_objects)
        for dictionary in self._given:
            _custom_objects.update(dictionary)
        return self

    def __exit__(self, *exception):
        _custom_objects.clear()
        _custom_objects.update(self._before)


def custom_object_scope(*dictionaries):
    """`CustomObjectScope(...)`, under its other name."""
    return CustomObjectScope(*dictionaries)

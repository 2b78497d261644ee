"""Changes that happen wholly or not at all."""


class wholly:
    """A block that changes the attributes of `objects`: where an error or interrupt ends it, they are as they were.

    Lists are put back with the entries that they had.
    """

    def __init__(self, *objects):
        self._objects = objects

    def __enter__(self):
        self._before = [{name: list(value) if type(value) is list else value for name, value in vars(one).items()}
                        for one in self._objects]

    def __exit__(self, kind, *rest):
        if kind is not None:
            for one, before in zip(self._objects, self._before):
                vars(one).clear()
                vars(one).update(before)

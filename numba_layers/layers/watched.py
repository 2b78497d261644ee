"""Lists whose owners are told of every change: scripts change `model.layers` and `layer.losses` in place."""


class WatchedList(list):
    """`entries`; before a change, `accept` gets the list that it would make, carries it out, or raises an error."""

    def __init__(self, entries, accept):
        super().__init__(entries)
        self._accept = accept

    def __reduce__(self):
        return list, (list(self),)


def _watched(name):
    def change(self, *arguments, **options):
        changed = list(self)
        answer = getattr(changed, name)(*arguments, **options)
        self._accept(changed)
        list.__setitem__(self, slice(None), changed)
        return self if name in ("__iadd__", "__imul__") else answer

    change.__name__ = name
    return change


for _name in ("append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "__setitem__", "__delitem__",
              "__iadd__", "__imul__"):
    setattr(WatchedList, _name, _watched(_name))

"""Updates: pairs (variable, new value) that `K.function` carries out after its outputs are computed."""

from collections import namedtuple

Update = namedtuple("Update", "variable value")


def update(x, new_x):
    """x <- new_x"""
    return Update(x, new_x)


def update_add(x, increment):
    """x <- x + increment"""
    return Update(x, x + increment)


def update_sub(x, decrement):
    """x <- x - decrement"""
    return Update(x, x - decrement)


def moving_average_update(x, value, momentum):
    """x <- momentum x + (1 - momentum) value"""
    return Update(x, x * momentum + value * (1.0 - momentum))

"""Gradients of fused ops whose own would be long to write: those of the plain function that they compute."""

from ..autograd.tape import Tape


def vjps_of(function, *tensors):
    """The VJPs of `function(*tensors)`, a function made of ops: it runs again, on a tape."""
    def vjp(tensor):
        def product(grad):
            with Tape() as tape:
                result = function(*tensors)
            return tape.gradient(result, tensor, grad)

        return product

    return [vjp(tensor) for tensor in tensors]

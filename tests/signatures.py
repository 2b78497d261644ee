"""Signatures as documents print them."""

import inspect


def without_hints(function, options=True):
    """The signature of `function` as text: names and defaults; `**kwargs` where `options` says so."""
    signature = inspect.signature(function)
    parameters = [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()
                  if options or parameter.kind is not parameter.VAR_KEYWORD]
    return str(signature.replace(parameters=parameters, return_annotation=signature.empty))

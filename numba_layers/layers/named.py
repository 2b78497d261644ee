"""Errors with the name of the layer they come from."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from ..errors import NumbaLayersError, add_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    Method = TypeVar("Method", bound=Callable[..., Any])


def names_layer(method: Method) -> Method:
    """Errors raised inside get the layer's class and name in front, once."""
    @functools.wraps(method)
    def call(self, *arguments, **options):
        try:
            return method(self, *arguments, **options)
        except NumbaLayersError as error:
            name = getattr(self, "name", options.get("name"))
            add_name(error, f'{type(self).__name__} "{name}"' if isinstance(name, str) else type(self).__name__)
            raise

    return call  # type: ignore[return-value]

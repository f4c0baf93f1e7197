"""Loops over interfaces as machine code.

A reading has some dozens of rows, for which array operations cost several times the work they do.
"""

import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.core.errors import NumbaWarning

_Function = TypeVar("_Function", bound=Callable[..., object])
Arrays = tuple[Any, ...]
"""`InterfaceRows` as a plain tuple: numba takes several times as long to look into a named one."""


def compiled(function: _Function) -> _Function:
    """The function as machine code, kept beside the source or in the user's cache if it can be."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumbaWarning)
        try:
            return _jit(function, is_kept=True)
        except RuntimeError:  # There is no place to keep it.
            return _jit(function, is_kept=False)


def _jit(function: _Function, *, is_kept: bool) -> _Function:
    return cast(_Function, numba.njit(cache=is_kept, nogil=True, error_model="numpy")(function))

"""Functions made into machine code, kept on disk where there is a place for it.

The code is kept beside the source, in the user's cache where the source cannot be written to, or in
`NUMBA_CACHE_DIR`; where there is no such place at all it is compiled once a process.
"""

import warnings
from collections.abc import Callable
from typing import TypeVar, cast

import numba
from numba.core.errors import NumbaWarning

_Function = TypeVar("_Function", bound=Callable[..., object])


def compiled(function: _Function) -> _Function:
    """The function as machine code; threads run it side by side."""
    try:
        return _jit(function, is_kept=True)
    except RuntimeError:  # No cache locator: neither the source, nor a home, can be written to.
        return _jit(function, is_kept=False)


def inlined(function: _Function) -> _Function:
    """The function as a part of those that call it: for the innermost, which are called most.

    A call costs more than the work where arrays are passed: their references are counted.
    """
    made = numba.njit(inline="always", nogil=True, error_model="numpy")(function)
    return cast("_Function", made)


def _jit(function: _Function, *, is_kept: bool) -> _Function:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumbaWarning)
        made = numba.njit(cache=is_kept, nogil=True, error_model="numpy")(function)
    return cast("_Function", made)

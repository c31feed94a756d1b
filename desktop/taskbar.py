"""Progress at the app's button in the taskbar of Windows: ITaskbarList3, called through ctypes."""

from __future__ import annotations

import ctypes
import uuid
from typing import Any

# shobjidl_core.h: the class, the interface, and where its methods stand in the table after those it inherits.
_TASKBAR_LIST = uuid.UUID("56fdf344-fd6d-11d0-958a-006097c9a090")
_ITASKBAR_LIST3 = uuid.UUID("ea1afb91-9e28-4b86-90e9-9e9f8a5eefaf")
_HR_INIT, _SET_PROGRESS_VALUE, _SET_PROGRESS_STATE = 3, 9, 10
_NO_PROGRESS, _NORMAL = 0, 2
_IN_PROCESS = 1  # CLSCTX_INPROC_SERVER


class Taskbar:
    """The button of one window.

    Args:
        pointer: an ITaskbarList3, as taskbar_list() returns it.
        window: the window's handle.
    """

    def __init__(self, pointer: int, window: int) -> None:
        self._pointer = pointer
        self._window = ctypes.c_void_p(window)
        self._call(_HR_INIT)

    def show(self, percent: int | None) -> None:
        """Show how far a run is, from 0 to 100; None: there is no run. Raises OSError where Windows refuses."""
        state = _NO_PROGRESS if percent is None else _NORMAL
        self._call(_SET_PROGRESS_STATE, self._window, ctypes.c_int(state))
        if percent is not None:
            self._call(_SET_PROGRESS_VALUE, self._window, ctypes.c_uint64(percent), ctypes.c_uint64(100))

    def _call(self, method: int, *arguments: Any) -> None:
        """Call a method by its place in the object's table. 64-bit Windows has one calling convention, C's."""
        table = ctypes.cast(self._pointer, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))).contents
        prototype = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, *map(type, arguments))
        address = table[method]
        assert address is not None
        _check(prototype(address)(self._pointer, *arguments))


def taskbar_list() -> int:
    """Return a new ITaskbarList3; Qt has made COM ready in the window's thread. Raises OSError where there is none."""
    pointer = ctypes.c_void_p()
    create = ctypes.CDLL("ole32").CoCreateInstance
    create.restype = ctypes.c_int32
    kind, interface = (ctypes.create_string_buffer(one.bytes_le, 16) for one in (_TASKBAR_LIST, _ITASKBAR_LIST3))
    _check(create(kind, None, ctypes.c_uint32(_IN_PROCESS), interface, ctypes.byref(pointer)))
    if pointer.value is None:
        raise OSError("Windows made no ITaskbarList3")
    return pointer.value


def _check(result: int) -> None:
    if result < 0:
        raise OSError(f"HRESULT {result & 0xFFFFFFFF:#010x}")

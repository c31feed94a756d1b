"""Progress at the app's icon in the dock of macOS: NSDockTile's badge, through the Objective-C runtime."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

# (receiver, selector, *arguments) -> what the method returns; a receiver is an object, or a class by its name
Send = Callable[..., int]
_RUNTIME = "/usr/lib/libobjc.dylib"


class DockTile:
    """The icon of this process.

    Args:
        send: sends a message, as objective_c() returns it.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._tile = send(send("NSApplication", "sharedApplication"), "dockTile")

    def show(self, percent: int | None) -> None:
        """Show how far a run is, from 0 to 100, as "42%"; None: there is no run, and no badge."""
        text = "" if percent is None else f"{percent}%"
        label = self._send("NSString", "stringWithUTF8String:", text.encode()) if text else 0
        self._send(self._tile, "setBadgeLabel:", label)


def objective_c() -> Send:
    """Return what sends a message to an object. Raises OSError where there is no Objective-C."""
    runtime = ctypes.CDLL(_RUNTIME)
    for name in ("objc_getClass", "sel_registerName"):
        function = getattr(runtime, name)
        function.restype, function.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
    address = ctypes.cast(runtime.objc_msgSend, ctypes.c_void_p).value
    assert address is not None

    def send(receiver: int | str, selector: str, *arguments: int | bytes) -> int:
        # On ARM a message is only passed well through a function of exactly its arguments' types.
        kinds = [ctypes.c_char_p if isinstance(one, bytes) else ctypes.c_void_p for one in arguments]
        message = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, *kinds)(address)
        to = runtime.objc_getClass(receiver.encode()) if isinstance(receiver, str) else receiver
        return message(to, runtime.sel_registerName(selector.encode()), *arguments) or 0

    return send

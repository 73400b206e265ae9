"""A thread that works for a moment and then waits has its core at once, not when another's turn is over.

Linux lets who works without a break keep its core for a turn of some 3 ms. Since Linux 6.12 a thread that asks for
shorter turns may step in (sched_attr::sched_runtime, Documentation/scheduler/sched-eevdf.rst); it gets no more of the
core than before. Older ones take no notice.
"""

import ctypes
import platform
import struct
import sys

TURN_NS = 100_000
"""The shortest that Linux grants."""
NUMBERS = {"x86_64": (314, 315), "aarch64": (274, 275)}
"""Of sched_setattr and sched_getattr: glibc has no name for them before 2.41 (asm/unistd.h)."""
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")
"""struct sched_attr as Linux 3.14 had it: size, policy, flags, nice, priority, runtime, deadline, period."""
_RUNTIME = 5


def take_short_turns() -> bool:
    """Ask for it for this thread, whose priority stays; return whether Linux said yes. It goes on without as well."""
    if sys.platform != "linux" or platform.machine() not in NUMBERS:
        return False
    set_number, get_number = NUMBERS[platform.machine()]
    system = ctypes.CDLL(None)
    room = ctypes.create_string_buffer(_ATTRIBUTES.size)
    if system.syscall(get_number, 0, room, _ATTRIBUTES.size, 0) != 0:
        return False
    attributes = list(_ATTRIBUTES.unpack(room.raw))
    attributes[_RUNTIME] = TURN_NS
    asked = ctypes.create_string_buffer(_ATTRIBUTES.pack(*attributes), _ATTRIBUTES.size)
    return int(system.syscall(set_number, 0, asked, 0)) == 0

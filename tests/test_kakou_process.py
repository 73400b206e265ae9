"""What long-running processes have in common."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kakou.process import BEHIND_OTHERS, give_way


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own on Linux only")
def test_only_the_thread_that_gives_way_is_put_behind():
    def own_priority() -> int:
        give_way()
        give_way()  # a second time changes nothing
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    with ThreadPoolExecutor(max_workers=1) as pool:
        assert pool.submit(own_priority).result() == max(before, BEHIND_OTHERS)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before

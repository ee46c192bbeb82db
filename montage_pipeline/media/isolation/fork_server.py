"""The process that workers are forked from: started afresh, without our memory and environment.

It loads the libraries once, so that a worker is there in milliseconds. It has one thread and does
nothing else, which is what makes forking it safe; it ends, with all workers, when we do.

    python -m montage_pipeline.media.isolation.fork_server FD MODULE …

Belongs here: forking and reaping. Does not belong here: what a worker does (worker).
"""

import contextlib
import gc
import importlib
import os
import signal
import socket
import struct
import sys

ORDER = struct.Struct("!cq")
"""`FORK` with the worker's end of a socket pair beside it, or `REAP` with a process id."""

REPLY = struct.Struct("!q")
"""The process id, or the exit code (minus the signal)."""

FORK, REAP = b"F", b"R"


def serve(control: socket.socket) -> None:
    """Carry out orders until nobody is there to give any."""
    from montage_pipeline.media.isolation import worker

    workers: set[int] = set()
    try:
        while True:
            message, descriptors, _, _ = socket.recv_fds(control, ORDER.size, 1)
            if len(message) < ORDER.size:
                return
            order, number = ORDER.unpack(message)
            if order == REAP:
                _, status = os.waitpid(number, 0)
                workers.discard(number)
                control.sendall(REPLY.pack(os.waitstatus_to_exitcode(status)))
                continue
            pid = os.fork()
            if pid == 0:
                control.close()
                worker.main(socket.socket(fileno=descriptors[0]))
            os.close(descriptors[0])
            workers.add(pid)
            control.sendall(REPLY.pack(pid))
    finally:
        for pid in workers:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def main() -> None:
    """The program."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    descriptor, *modules = sys.argv[1:]
    control = socket.socket(fileno=int(descriptor))
    for module in modules:
        importlib.import_module(module)
    gc.freeze()
    with contextlib.suppress(OSError):
        serve(control)


if __name__ == "__main__":
    main()

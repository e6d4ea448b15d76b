"""A process that has imported a desk and forks one for each life that is wished, so that a life
costs a fork and not an import. Each is a process of its own, killed like any other.

Word: the number of an inherited Unix socket. A message on it is the words of `desk_child` as JSON,
with the descriptor that the life has for its standard output; there it says its process id first.
"""

import asyncio
import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

from floorbroker import app  # noqa: F401  (imported once, for all)
from tests.crash.desk_child import say, work


def live(output: int, home: str, url: str, count: str) -> None:
    os.dup2(output, 1)
    os.close(output)
    sys.stdout = os.fdopen(1, "w")
    say(f"pid-{os.getpid()}")
    asyncio.run(work(Path(home), url, int(count)))


def main(wishes: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever asked hears of the end by its output
    while True:
        message, descriptors, _, _ = socket.recv_fds(wishes, 4096, 1)
        if not message:
            return
        words: list[Any] = json.loads(message)
        if os.fork():
            os.close(descriptors[0])
            continue
        wishes.close()
        code = 1
        try:
            live(descriptors[0], *words)
            code = 0
        except BaseException:  # noqa: BLE001  (told, and over)
            traceback.print_exc()
        finally:
            os._exit(code)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))

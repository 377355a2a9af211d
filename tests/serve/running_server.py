"""The embedded server as a process of its own on free ports of the loopback, and how tests speak with it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

PROJECT = Path(__file__).parents[2]


class RunningServer:
    """Started by the command line; `lines` is what it printed."""

    def __init__(self, *words, timeout=300):
        command = [sys.executable, "-m", "rugan_tf.serve", *map(str, words)]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        self.lines, self.ready = [], threading.Event()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        if not self.ready.wait(timeout):
            self.kill()
            raise RuntimeError(f"The server did not start: {self.output}")
        found = re.search(r"gRPC on (\S+?)(?:, REST on (\S+))?$", self.output, re.MULTILINE)
        if found is None:
            self.kill()
            raise RuntimeError(f"The server ended: {self.output}")
        self.address, self.rest = found.groups()

    @property
    def output(self):
        return "".join(self.lines)

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith("next:"):
                self.ready.set()
        self.ready.set()

    def end(self):
        """End by SIGTERM; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.reader.join(10)
        self.process.stdout.close()
        return code

    def kill(self):
        self.process.kill()
        self.process.wait(60)
        self.reader.join(10)
        self.process.stdout.close()

    def request(self, path, content=None, data=None):
        """Return status and answer of a REST request."""
        return rest_request(self.rest + path, content, data)


def rest_request(url, content=None, data=None):
    body = json.dumps(content).encode() if content is not None else data
    request = urllib.request.Request(url, body, method="GET" if body is None else "POST")
    try:
        with urllib.request.urlopen(request, timeout=600) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def wait_until(condition, timeout=60.0):
    """Wait until a condition holds; return whether it did."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False

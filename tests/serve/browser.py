"""Headless Chromium, driven through chromedriver by the WebDriver protocol, which is JSON over HTTP."""

import base64
import contextlib
import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the protocol's name of a reference


def is_there():
    return shutil.which("chromium") is not None and shutil.which("chromedriver") is not None


class Browser:
    """One window; `profile` is a new, empty folder."""

    def __init__(self, profile, downloads):
        command = ["chromedriver", "--port=0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        port = next(
            found[1]
            for line in self.process.stdout
            if (found := re.search(r"successfully on port (\d+)", line.strip()))
        )
        self.url = f"http://127.0.0.1:{port}"
        options = {
            "args": [*FLAGS, f"--user-data-dir={profile}"],
            "prefs": {"download.default_directory": str(downloads), "download.prompt_for_download": False},
        }
        capabilities = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
        self.session = self.send("POST", "/session", {"capabilities": capabilities})["sessionId"]

    def send(self, method, path, content=None):
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self.url + path, body, {"content-type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.loads(answer.read())["value"]
        except urllib.error.HTTPError as error:
            with error:
                raise RuntimeError(json.loads(error.read())["value"]["message"]) from None

    def ask(self, method, path, content=None):
        return self.send(method, f"/session/{self.session}{path}", content)

    def open(self, url):
        self.ask("POST", "/url", {"url": url})

    def run(self, script, *args):
        """Return what JavaScript returns, promises awaited."""
        told = "const done = arguments[arguments.length - 1];"
        wrapped = f"{told} (async () => {{ {script} }})().then(done, error => done(`${{error}}`))"
        return self.ask("POST", "/execute/async", {"script": wrapped, "args": list(args)})

    def find(self, selector):
        return self.ask("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def click(self, selector):
        self.ask("POST", f"/element/{self.find(selector)}/click", {})

    def type(self, selector, text):
        self.ask("POST", f"/element/{self.find(selector)}/value", {"text": text})

    def fill(self, selector, text):
        self.ask("POST", f"/element/{self.find(selector)}/clear", {})
        self.type(selector, text)

    def text(self, selector):
        return self.ask("GET", f"/element/{self.find(selector)}/text")

    def press(self, *keys):
        """Press keys where the focus is, one after another."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.ask("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def size(self, width, height):
        """Set the size of what is seen, as a phone of this width has it."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.ask("POST", "/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics})

    def screenshot(self, path, *, whole=True):
        shot = self.ask(
            "POST", "/goog/cdp/execute", {"cmd": "Page.captureScreenshot", "params": {"captureBeyondViewport": whole}}
        )
        path.write_bytes(base64.b64decode(shot["data"]))

    def errors(self):
        """Return what the console tells of errors."""
        return [
            entry["message"] for entry in self.ask("POST", "/se/log", {"type": "browser"}) if entry["level"] == "SEVERE"
        ]

    def wait(self, script, timeout=30.0):
        """Wait until JavaScript returns something true, and return it."""
        end = time.monotonic() + timeout
        while not (found := self.run(script)):
            if time.monotonic() > end:
                raise TimeoutError(script)
            time.sleep(0.05)
        return found

    def close(self):
        with contextlib.suppress(RuntimeError, OSError):
            self.ask("DELETE", "")
        self.process.terminate()
        self.process.wait(30)
        self.process.stdout.close()

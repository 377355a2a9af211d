"""What tests do on the page: choose a model, fill the form, read what is told, download."""

import json
import time

IS_DONE = """return !document.getElementById('status').textContent.includes('…')
  && document.getElementById('generate').textContent === 'Make the sheet'"""
ENERGY, ROWS, COLS, SEED = "-1.75", 12, 20, 7


def choose(window, model):
    window.wait("return !document.getElementById('generate').disabled")
    pick(window, "model", model)
    window.wait("return !document.getElementById('generate').disabled")


def pick(window, box, value):
    """Choose an option of a box."""
    script = f"const box = document.getElementById({json.dumps(box)}); box.value = {json.dumps(value)};"
    window.run(script + "box.dispatchEvent(new Event('change'))")


def make(window, energy=ENERGY, rows=ROWS, cols=COLS, seed=SEED):
    """Fill the form, without the energy where it is None, and wait for what comes."""
    if energy is not None:
        window.fill("#condition-energy_per_area", energy)
    for field, value in (("rows", rows), ("cols", cols), ("seed", seed)):
        window.fill(f"#{field}", str(value))
    window.click("#generate")
    window.wait(IS_DONE)


def numbers(window):
    """What the page tells of the sheet, by name."""
    script = "return [...document.querySelectorAll('#numbers > div')].map(one => [one.querySelector('dt').textContent, "
    return dict(window.run(script + "one.querySelector('dd').firstChild.textContent])"))


def downloaded(window, kind, name):
    """Download a format, and return the file, which is to have this name."""
    path = window.downloads / name
    path.unlink(missing_ok=True)
    window.click(f"[data-format={kind}]")
    end = time.monotonic() + 10
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.02)
    return path

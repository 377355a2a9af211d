"""Natural, uniform and painted sheets on the page, and the energies of their places, beside what the client gets."""

import base64
import json
import os
import shlex
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from page_window import COLS, ROWS, SEED, choose, downloaded, make, numbers, pick

from rugan_tf.generate.given_map import brightness
from rugan_tf.serve.client import Client, Connection

LOW, HIGH = -1.0, -0.2  # eV/Å², of the training of `mapped`
PARTS = 24
SPACE, ARROW_RIGHT, SHIFT = " ", "\ue014", "\ue008"
REASON = "return document.getElementById('mode-{}-hint').textContent"
DISABLED = "return ['natural', 'uniform', 'map'].map(way => document.getElementById(`mode-${way}`).disabled)"
AXE = os.environ.get("RUGAN_TF_AXE")
# The map that the command holds: what was painted, as it was sent.
SENT = r"return JSON.parse(document.getElementById('curl').textContent.match(/-d '(.*)'$/)[1]).inputs.energy_per_area"


@pytest.fixture
def client(server):
    with Client(Connection(server.address, "mapped")) as client:
        yield client


@pytest.fixture
def mapped(page):
    choose(page, "mapped")
    return page


@pytest.fixture
def painted(mapped):
    mapped.click("#mode-map")
    return mapped


def from_map(client, maps, rows=ROWS, cols=COLS):
    maps, size = np.asarray(maps, np.float32), {"rows": np.int32(rows), "cols": np.int32(cols)}
    return client.predict("generate_from_map", energy_per_area=maps, seed=np.int64(SEED), **size)


def states_in(path):
    with np.load(path, allow_pickle=False) as content:
        return {name: content[name] for name in content}


def sheet_on(page, way):
    name = f"mapped_{ROWS}x{COLS}_seed{SEED}"
    return states_in(downloaded(page, "npz", f"{name}.npz" if way == "natural" else f"{name}_{way}.npz"))


def test_natural_and_uniform_sheets_are_those_of_their_signatures(mapped, client):
    make(mapped, "-0.7")
    natural, _ = client.generate([-0.7], ROWS, COLS, SEED)
    np.testing.assert_array_equal(sheet_on(mapped, "natural")["states"], natural)
    mapped.click("#mode-uniform")
    make(mapped, "-0.7")
    uniform = from_map(client, [[[-0.7]]])
    np.testing.assert_array_equal(sheet_on(mapped, "uniform")["states"], uniform["states"])
    assert (natural != uniform["states"]).any()


def test_what_is_painted_by_keys_is_asked_for(painted, client):
    painted.fill("#brush-value", "-0.4")
    painted.run("document.getElementById('map-canvas').focus()")
    painted.press(SPACE, *[ARROW_RIGHT] * 5)
    painted.press(SPACE)
    assert "Row 13, column 18 of 24: −0.40 eV/Å²" in painted.run(
        "return document.getElementById('map-said').textContent"
    )
    make(painted, None)
    sent = np.array(painted.run(SENT)[0])
    expected = np.full((PARTS, PARTS), LOW + 0.4 * (HIGH - LOW))
    for col in (12, 17):
        expected[11:14, col] = expected[12, col - 1 : col + 2] = -0.4  # the middle brush is a cross
    np.testing.assert_allclose(sent, expected, atol=5e-4)
    answer = from_map(client, [sent])
    content = sheet_on(painted, "map")
    np.testing.assert_array_equal(content["states"], answer["states"])
    np.testing.assert_array_equal(content["energy_map"], sent)
    local = client.predict("local_energy", states=answer["states"])["energy_per_area"]
    np.testing.assert_allclose(content["local_energy"], local, rtol=1e-6)
    assert numbers(painted)["Energy per area, asked for"] == f"−{-sent.mean():.3f} eV/Å²"


def test_pointer_paints_a_line_and_undo_takes_it_back(painted):
    def drag(*shares):
        script = "const box = document.getElementById('map-canvas').getBoundingClientRect();"
        box = painted.run(script + "return [box.x, box.y, box.width, box.height]")
        places = [(round(box[0] + x * box[2]), round(box[1] + y * box[3])) for x, y in shares]
        moves = [{"type": "pointerMove", "x": x, "y": y, "duration": 0} for x, y in places]
        steps = [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:], {"type": "pointerUp", "button": 0}]
        painted.ask("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": steps}]})

    painted.run("document.getElementById('map-canvas').scrollIntoView({block: 'center'})")
    pick(painted, "brush-size", "1")
    painted.fill("#brush-value", "-0.3")
    painted.run("document.getElementById('map-canvas').scrollIntoView({block: 'center'})")
    drag((0.02, 0.52), (0.98, 0.52))
    make(painted, None)
    row = np.array(painted.run(SENT)[0])
    assert (row == -0.3).sum() == PARTS
    np.testing.assert_allclose(row[12], -0.3)
    painted.click("#map-undo")
    make(painted, None)
    assert (np.array(painted.run(SENT)[0]) == row[0, 0]).all()


def picture(width, height, rows):
    """A grey PNG whose rows of bytes are given once each."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    lines = b"".join(b"\0" + line for line in rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def give(page, content, name="map.png"):
    """Give the page a file as if it had been chosen."""
    text = base64.b64encode(content).decode()
    page.run(f"""const bytes = Uint8Array.from(atob('{text}'), one => one.charCodeAt(0)), moved = new DataTransfer();
      moved.items.add(new File([bytes], '{name}')); const input = document.getElementById('map-file');
      input.files = moved.files; input.dispatchEvent(new Event('change'));""")


def test_map_begins_from_a_picture_as_the_command_line_reads_it(painted, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (2 * PARTS, PARTS), dtype=np.uint8)
    content = picture(PARTS, 2 * PARTS, [row.tobytes() for row in pixels])
    give(painted, content)
    painted.wait("return document.getElementById('map-said').textContent.includes('map.png')")
    make(painted, None)
    (tmp_path / "map.png").write_bytes(content)
    read = brightness(tmp_path / "map.png").reshape(PARTS, 2, PARTS).mean(axis=1)
    np.testing.assert_allclose(painted.run(SENT)[0], LOW + (HIGH - LOW) * read, atol=3e-3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (picture(5000, 4000, [bytes(5000)] * 4000), "at most 16 megapixels. Received: 5000 × 4000, 20.0 megapixels"),
        (b"no picture", "A map must begin from a picture that the browser reads. Received: map.png"),
    ],
)
def test_picture_that_is_no_map_is_refused_and_the_map_stays(painted, content, message):
    give(painted, content)
    assert message in painted.wait("return document.getElementById('problem').textContent")
    make(painted, None)
    assert np.ptp(painted.run(SENT)[0]) == 0


def test_command_of_a_map_gives_the_same_sheet(painted):
    painted.click("#map-board")
    make(painted, None)
    words = shlex.split(painted.run("return document.getElementById('curl').textContent"))
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    states = json.loads(done.stdout)["outputs"]["states"]
    np.testing.assert_array_equal(sheet_on(painted, "map")["states"], states)


def test_histogram_tells_the_energies_of_places_and_of_windows(mapped, client):
    make(mapped, "-0.7", rows=28, cols=48)
    states, _ = client.generate([-0.7], 28, 48, SEED)
    local = client.predict("local_energy", states=states)["energy_per_area"][0].astype(np.float64)
    wide = np.pad(local, [(0, 7), (0, 8)], mode="wrap")
    windows = np.array([[wide[i : i + 7, j : j + 8].mean() for j in range(24)] for i in range(14)])
    for values, choice in ((windows, "window"), (local, "place")):
        pick(mapped, "local-window", choice)
        told = mapped.text("#local-told")
        assert told.startswith("Of 336 ")
        low, high = np.sort(values.ravel())[np.round(np.array([0.05, 0.95]) * (values.size - 1)).astype(int)]
        assert f"between {low:.2f} and {high:.2f} eV/Å²".replace("-", "−") in told
        assert f"mean {values.mean():.3f}, standard deviation {values.std():.3f}".replace("mean -", "mean −") in told
        heights = mapped.run(
            "return [...document.querySelectorAll('#histogram .bin')].map(one => Number(one.getAttribute('height')))"
        )
        counts, _ = np.histogram(values, 32, range_of(values, -0.7))
        np.testing.assert_allclose(np.array(heights) / max(heights), counts[counts > 0] / counts.max(), atol=0.02)


def range_of(values, asked):
    low, high = min(values.min(), asked), max(values.max(), asked)
    return low - 0.04 * (high - low), high + 0.04 * (high - low)


def test_energies_are_drawn_behind_the_atoms(mapped):
    make(mapped, "-0.7")
    look = "return document.getElementById('canvas').toDataURL()"
    before = mapped.run(look)
    pick(mapped, "shade", "local")
    shaded = mapped.run(look)
    assert shaded != before
    assert not mapped.run("return document.getElementById('shade-scale').hidden")
    make(mapped, "-0.7")  # it stays chosen
    assert mapped.run(look) == shaded


def test_what_a_model_cannot_do_is_disabled_with_its_reason(page):
    assert page.run(DISABLED) == [True, False, False]
    assert "learnt one energy for a sheet" in page.run(REASON.format("natural"))
    make(page)
    assert page.run("return document.getElementById('local').hidden")
    assert "this model has no signature local_energy" in page.text("#local-reason")
    assert page.run("return document.getElementById('shades').hidden")
    page.run("""const fetched = window.fetch; window.fetch = async (url, options) => {
      const answer = await fetched(url, options);
      if (!url.endsWith('/metadata')) return answer;
      const told = await answer.json(); delete told.metadata.signature_def.signature_def.generate_from_map;
      return new Response(JSON.stringify(told)); };""")
    choose(page, "mapped")
    assert page.run(DISABLED) == [False, True, True]
    assert "this version has no signature generate_from_map" in page.run(REASON.format("map"))


@pytest.mark.parametrize("width", [1280, 360])
def test_map_fits_and_is_accessible(painted, width):
    painted.size(width, 800)
    painted.click("#map-board")
    make(painted, None)
    assert painted.run("return document.documentElement.scrollWidth") <= width
    if AXE is not None:
        script = Path(AXE).read_text("utf-8") + "; return (await axe.run()).violations.map(v => `${v.id}: ${v.help}`)"
        assert painted.run(script) == []

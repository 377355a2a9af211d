"""What `rugan client generate` refuses before it asks a server, and what it warns of."""

import contextlib
import subprocess
import sys

import numpy as np
import pytest

from rugan_tf.errors import InputWarning
from rugan_tf.formats.zarr_states import write_zarr_states
from rugan_tf.formats.zarr_store import open_store
from rugan_tf.generate.served import warn_of_empty_stream, warn_of_sign
from rugan_tf.serve.client.__main__ import main
from rugan_tf.systems.named import system_named


def ask(out, *further):
    return main(["generate", "--server", "localhost:1", "--energy-per-area", "-2", "--out", str(out), *further])


@pytest.mark.parametrize("name", ["sheet.npz", "sheet.zarr"])
def test_tile_without_cells_is_refused(tmp_path, capsys, name):
    assert ask(tmp_path / name, "--tile", "0") == 2
    assert capsys.readouterr().err == "rugan client: tile must be at least 2. Received: tile=0\n"


def test_sheets_of_a_server_without_atoms_ask_for_the_sign():
    states = np.full((3, 4, 4), 3, np.uint8)
    warn_of_sign(system_named("porous_graphene"), {"energy_per_area": np.array([-2.0, 2.6, 2.0])}, states)
    states[1:] = 0
    with pytest.warns(InputWarning, match=r"without any atom of the energy per area 2.6: has it the right sign\?$"):
        warn_of_sign(system_named("porous_graphene"), {"energy_per_area": np.array([-2.0, 2.6, 2.0])}, states)


@pytest.mark.parametrize("filled", [False, True])
def test_streamed_sheet_of_a_server_without_atoms_asks_for_the_sign_too(tmp_path, filled):
    graphene = system_named("porous_graphene")
    states = np.zeros((1, 4, 6), np.uint8)
    states[0, 3, 5] = filled
    write_zarr_states(tmp_path / "sheet.zarr", graphene, states, {})
    store = open_store(tmp_path / "sheet.zarr")
    expected = pytest.warns(
        InputWarning, match=r"without any atom of the energy per area 2.6: has it the right sign\?$"
    )
    with contextlib.nullcontext() if filled else expected:
        warn_of_empty_stream(graphene, 2.6, store)


@pytest.mark.parametrize(
    ("name", "further", "told"),
    [
        ("sheet.doc", "", "The file must end in one of .npz, .zarr, .extxyz, .xyz, "),
        ("sheet.doc", "--tile 16", "The file must end in one of .npz, .zarr, .extxyz, .xyz, "),
        ("sheet.cif", "", "must answer within 0.1 s. Received: "),
        ("sheet.zarr", "--tile 16 --size 70mm", "The disk must have room for 38.2 PB, "),
        ("sheet.cif", "--size 70mm", "for 9.35e+16 cells; --out NAME.zarr with --tile streams them to the disk"),
        ("sheet.cif", "--rows 3000000000", "rows and cols must be at most 2147483647. Received: rows=3e+09, cols=16"),
    ],
)
def test_requests_of_whole_sheets_need_no_tensorflow(tmp_path, name, further, told):
    words = ["generate", "--server", "localhost:1", "--timeout", "0.1", "--energy-per-area", "-2"]
    words += ["--out", str(tmp_path / name), *further.split()]
    program = "import sys; from rugan_tf.serve.client.__main__ import main\n"
    program += f"print(main({words}), 'tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told in done.stderr
    assert done.stdout.splitlines()[-1] == "2 False"

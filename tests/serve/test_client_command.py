"""What `rugan client generate` refuses before it asks a server."""

import pytest

from rugan_tf.serve.client.__main__ import main


def ask(out, *further):
    return main(["generate", "--server", "localhost:1", "--energy-per-area", "-2", "--out", str(out), *further])


@pytest.mark.parametrize("name", ["sheet.npz", "sheet.zarr"])
def test_tile_without_cells_is_refused(tmp_path, capsys, name):
    assert ask(tmp_path / name, "--tile", "0") == 2
    assert capsys.readouterr().err == "rugan client: tile must be at least 2. Received: tile=0\n"

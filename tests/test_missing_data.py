"""A data set that does not exist is told at once."""

import subprocess
import sys

COMMANDS = {
    "ednn": [
        ["train", "--data", "nothing.npz", "--run-dir", "new"],
        ["evaluate", "--data", "nothing.npz", "--run-dir", "new", "--out", "new"],
        ["learning-curve", "--data", "nothing.npz", "--out", "new"],
        ["cross-check", "--data", "nothing.npz", "--out", "new"],
        ["correction", "--data", "nothing.npz", "--out", "new.json"],
    ],
    "train": [["quick", "--data", "nothing.npz", "--run-dir", "new"]],
    "evaluate": [["--model", "porous_graphene", "--data", "nothing.npz", "--out", "new"]],
    "data": [["label", "--states", "nothing.npz", "--energy", "ednn", "--out", "new.npz"]],
}


def test_missing_data_set_is_told_before_tensorflow_starts(tmp_path):
    program = "import importlib, sys\n"
    program += "for room, arguments in " + repr([(room, one) for room, each in COMMANDS.items() for one in each])
    program += ":\n    main = importlib.import_module(f'rugan_tf.{room}.__main__').main\n"
    program += "    print(room, arguments[0], main(arguments), 'tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    told = [(room, one[0]) for room, each in COMMANDS.items() for one in each]
    assert done.stdout.splitlines() == [f"{room} {first} 2 False" for room, first in told]
    assert done.stderr.splitlines() == [
        f"rugan {room}: A data set must exist. Received: no nothing.npz" for room, _ in told
    ]
    assert not list(tmp_path.iterdir())

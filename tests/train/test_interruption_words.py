"""What Ctrl-C leaves to say."""

import pytest

from rugan_tf.train.interruption import told_how_to_go_on


def test_interrupted_training_says_what_is_kept_and_how_it_goes_on(tmp_path, capsys):
    with pytest.raises(KeyboardInterrupt), told_how_to_go_on(tmp_path / "run", lambda: "none"):
        raise KeyboardInterrupt
    assert capsys.readouterr().out == ""  # nothing was begun
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.json").touch()
    with pytest.raises(KeyboardInterrupt), told_how_to_go_on(tmp_path / "run", lambda: "run/checkpoint-00000004.npz"):
        raise KeyboardInterrupt
    said = capsys.readouterr().out.strip().splitlines()
    assert said == [
        f"{tmp_path / 'run'}: the newest checkpoint is run/checkpoint-00000004.npz",
        "next: the same command with --resume",
    ]


def test_training_that_ends_otherwise_is_not_told_to_go_on(tmp_path, capsys):
    with pytest.raises(ValueError, match="diverged"), told_how_to_go_on(tmp_path, lambda: "none"):
        raise ValueError("diverged")
    assert capsys.readouterr().out == ""

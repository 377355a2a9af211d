import csv

import numpy as np
import pytest
import tensorflow as tf

from rugan_tf.train.curves import read_curves, write_curves


def write_events(folder, steps, offset=0.0):
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for step in steps:
            tf.summary.scalar("critic/loss", step + offset, step)
            tf.summary.scalar("sheets/valid_share", 0.5, step)
        tf.summary.image("sheets", np.zeros((1, 2, 2, 3), np.uint8), steps[0])
    writer.close()


def test_curves_are_a_table_and_a_picture(tmp_path):
    write_events(tmp_path / "tensorboard", [100, 200, 300])
    table, picture = write_curves(tmp_path)
    with table.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(int(row["generator_updates"]), float(row["critic/loss"])) for row in rows] == [
        (100, 100),
        (200, 200),
        (300, 300),
    ]
    assert set(rows[0]) == {"generator_updates", "critic/loss", "sheets/valid_share"}
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_step_that_was_written_again_after_a_resumption_counts_once(tmp_path):
    write_events(tmp_path, [100, 200])
    first = next(tmp_path.iterdir())
    first.rename(tmp_path / first.name.replace("events.out.tfevents.", "events.out.tfevents.0"))
    write_events(tmp_path, [200, 300], offset=0.5)
    assert read_curves(tmp_path)["critic/loss"] == {100: 100.0, 200: 200.5, 300: 300.5}


def test_run_without_scalars_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="must have written scalars for TensorBoard"):
        write_curves(tmp_path)

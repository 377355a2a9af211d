import csv

import numpy as np
import pytest
import tensorflow as tf

from rugan_tf.train.curves import curves_figure, read_curves, write_curves


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


def test_errors_of_judged_sheets_are_drawn_first_and_panels_without_values_are_not():
    curves = {"energy_1x1/r2": {500: 0.9, 1000: 0.99}, "energy_1x1/ks_statistic": {500: 0.2}, "critic/loss": {100: 1.0}}
    shown = [axes for axes in curves_figure(curves).axes if axes.get_visible()]
    assert [axes.get_title().split(" (")[0] for axes in shown] == [
        "judged sheets: 1 - R² of obtained against requested",
        "judged sheets: Kolmogorov-Smirnov D",
        "scores",
    ]
    np.testing.assert_allclose(shown[0].lines[0].get_xydata(), [[500, 0.1], [1000, 0.01]])
    assert shown[0].get_yscale() == "log"
    told = [[text.get_text() for text in axes.get_legend().get_texts()] for axes in shown]
    assert told == [["energy 1x1"], ["energy 1x1"], ["critic: loss"]]
    assert len({axes.get_xlim() for axes in shown}) == 1


def test_step_that_was_written_again_after_a_resumption_counts_once(tmp_path):
    write_events(tmp_path, [100, 200])
    first = next(tmp_path.iterdir())
    first.rename(tmp_path / first.name.replace("events.out.tfevents.", "events.out.tfevents.0"))
    write_events(tmp_path, [200, 300], offset=0.5)
    assert read_curves(tmp_path)["critic/loss"] == {100: 100.0, 200: 200.5, 300: 300.5}


def test_run_without_scalars_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="must have written scalars for TensorBoard"):
        write_curves(tmp_path)

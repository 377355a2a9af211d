import errno

import numpy as np
import pytest
import tensorflow as tf
from tiny_networks import build_rugan

from rugan_tf.train.checkpoints import CheckpointFolder, state_variables


def draw_batch():
    states = np.random.default_rng(0).integers(0, 4, (4, 2, 4))
    return {"states": tf.constant(states, tf.uint8), "label": tf.constant([0.0, 1.0, -1.0, 2.0])}


def arrays(model):
    return {name: np.asarray(variable) for name, variable in state_variables(model).items()}


def assert_same_state(first, second):
    assert first.keys() == second.keys()
    for name, array in first.items():
        np.testing.assert_array_equal(second[name], array, err_msg=name)


@pytest.fixture
def model():
    return build_rugan(dropout=0.5)


@pytest.fixture
def folder(tmp_path):
    return CheckpointFolder(tmp_path)


def test_state_holds_networks_average_streams_and_optimisers(model):
    held = {id(variable) for variable in state_variables(model).values()}
    optimizers = (model.critic_optimizer, model.generator_optimizer)
    for part in (model.generator, model.critic, model.average, *optimizers):
        assert {id(variable) for variable in part.variables} <= held
    assert id(model.seed_generator.state) in held
    assert id(model.critic.dropout.seed_generator.state) in held


def test_training_goes_on_as_if_it_had_not_stopped(model, folder):
    model.train_step(draw_batch())
    folder.write(model, 1)
    at_checkpoint = arrays(model)
    model.train_step(draw_batch())
    other = build_rugan(dropout=0.5, seed=8)
    assert folder.restore(other) == 1
    assert_same_state(at_checkpoint, arrays(other))
    other.train_step(draw_batch())
    assert_same_state(arrays(model), arrays(other))


def test_newest_are_kept_by_number(model, tmp_path):
    folder = CheckpointFolder(tmp_path, keep=2)
    for num_updates in (2, 20, 9):
        folder.write(model, num_updates)
    (tmp_path / "checkpoint-notes.npz").touch()
    assert [number for number, _ in folder.newest_first()] == [20, 9]
    names = [path.name for _, path in folder.newest_first()]
    assert names == ["checkpoint-00000020.npz", "checkpoint-00000009.npz"]
    assert folder.restore(model) == 20


def cut(content):
    return content[: len(content) // 2]


def flip(content):
    changed = bytearray(content)
    changed[len(content) // 2] ^= 0xFF
    return bytes(changed)


@pytest.mark.parametrize("damage", [cut, flip, lambda content: b"", lambda content: b"no archive"])
def test_damaged_newest_checkpoint_falls_back_to_the_one_before_and_says_so(model, folder, damage, capsys):
    folder.write(model, 1)
    at_checkpoint = arrays(model)
    model.train_step(draw_batch())
    newest = folder.write(model, 2)
    newest.write_bytes(damage(newest.read_bytes()))
    assert folder.restore(model) == 1
    assert_same_state(at_checkpoint, arrays(model))
    told = capsys.readouterr().err
    assert f"{newest} is damaged" in told
    assert "going back to the checkpoint before it" in told


def test_folder_without_checkpoints_is_a_beginning(model, folder, capsys):
    before = arrays(model)
    assert folder.restore(model) == 0
    assert_same_state(before, arrays(model))
    assert "holds no checkpoint yet: beginning at update 0" in capsys.readouterr().err


def test_unfinished_file_of_a_killed_run_is_removed(model, folder):
    folder.path.mkdir(parents=True, exist_ok=True)
    unfinished = folder.path / ".checkpoint-00000001.0123abcd.npz"
    unfinished.write_bytes(b"half")
    folder.write(model, 1)
    assert not unfinished.exists()


def test_folder_without_a_whole_checkpoint_is_refused(model, folder):
    folder.write(model, 1).write_bytes(b"")
    with pytest.raises(ValueError, match=r"A run goes on from a whole checkpoint. Received: none in "):
        folder.restore(model)


def test_checkpoint_of_other_networks_is_refused_and_changes_nothing(model, folder):
    path = folder.write(model, 1)
    with np.load(path) as archive:
        content = dict(archive)
    before = arrays(model)
    content["model-0000"] = np.zeros((3, 7), np.float32)
    np.savez(path, **content)
    with pytest.raises(ValueError, match=r"same networks.* where model-0000 has the shape \(3, 7\) instead"):
        folder.restore(model)
    assert_same_state(before, arrays(model))
    del content["model-0000"]
    np.savez(path, **content)
    with pytest.raises(ValueError, match="model-0000 has the shape None instead of"):
        folder.restore(model)


def test_interrupted_write_leaves_what_was_there_and_no_half_file(model, folder, monkeypatch):
    folder.write(model, 1)

    def write_half(target, **content):
        target.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", write_half)
    with pytest.raises(KeyboardInterrupt):
        folder.write(model, 2)
    assert [path.name for path in folder.path.iterdir()] == ["checkpoint-00000001.npz"]


def test_full_disk_leaves_the_last_good_checkpoint_and_names_it(model, folder, monkeypatch):
    good = folder.write(model, 1)
    content = good.read_bytes()

    def fill_the_disk(target, **arrays):
        target.write_bytes(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", fill_the_disk)
    with pytest.raises(OSError, match=rf"No space left on device at update 2; last good checkpoint: {good}"):
        folder.write(model, 2)
    assert list(folder.path.iterdir()) == [good]
    assert good.read_bytes() == content
    assert folder.restore(model) == 1


def test_differences_of_another_model_are_listed(folder):
    path = folder.write(build_rugan(), 1)
    with np.load(path) as archive:
        content = dict(archive)
    for number in range(7):
        content[f"model-{number:04d}"] = np.zeros(9)
    np.savez(path, **content)
    with pytest.raises(ValueError, match=r"where model-0000 has .*, model-0004 has the shape .* and 2 more differ"):
        folder.restore(build_rugan())

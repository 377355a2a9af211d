"""What the rule costs inside a SavedModel, beside generating: python tests/benchmarks/repair.py [MODEL]."""

import sys
import time
from pathlib import Path

import keras
import tensorflow as tf

from rugan_tf.generate.sheets import SheetModel

SHIPPED = Path(__file__).parents[2] / "saved_models" / "porous_graphene"
NUM_SHEETS, ROWS, COLS = 4, 224, 256
ENERGIES = (-2.6, -1.8, -1.2)
TIMES = 5


def seconds(function, *args):
    """The least time of a few calls, after one that prepares."""
    function(*args)
    measured = []
    for _ in range(TIMES):
        start = time.perf_counter()
        function(*args)
        measured.append(time.perf_counter() - start)
    return min(measured)


def in_graph(function):
    signature = [tf.TensorSpec([None, None, None], tf.int32)]
    return tf.function(function, input_signature=signature, autograph=False)


def main():
    model = SheetModel.load(sys.argv[1] if len(sys.argv) > 1 else SHIPPED)
    rule = model.system.rule
    whole = in_graph(lambda states: rule.repair(states, keras.ops))
    flakes = in_graph(lambda states: rule.finish(states, keras.ops))
    print(f"{NUM_SHEETS} sheets of {ROWS}x{COLS} cells; shares of the time of the signature generate")
    for energy in ENERGIES:
        raw = tf.constant(model.generate_unrepaired([energy] * NUM_SHEETS, ROWS, COLS), tf.int32)
        settled = tf.constant(rule.settle(raw.numpy().astype("uint8")), tf.int32)
        generating = seconds(model.generate, [energy] * NUM_SHEETS, ROWS, COLS)
        repair, last = seconds(whole, raw), seconds(flakes, settled)
        shares = f"repair {repair / generating:.1%}, of it flakes {last / generating:.1%}"
        print(f"{energy:5.1f}: generate {generating:.3f} s; {shares}")


if __name__ == "__main__":
    main()

"""The networks and optimisers of a training, from its options and its data."""

import dataclasses
from typing import Any

import keras

from rugan_tf.errors import InputError
from rugan_tf.formats.data_set import DataSet
from rugan_tf.importing import imported
from rugan_tf.networks.critic import Critic
from rugan_tf.networks.generator import Generator
from rugan_tf.train.options import TrainOptions
from rugan_tf.train.rugan import RUGAN, JudgedLabels, MapLoss


def lattice_period(data_set: DataSet) -> tuple[int, int]:
    """Return the rows and columns after which the lattice repeats."""
    return data_set.system.row_period, data_set.system.col_period


@dataclasses.dataclass(frozen=True)
class NetworkRequest:
    """What a user's own function is told to build a network.

    Attributes:
        width: channels asked for by --width, or by --critic-width.
        num_states: states of a cell.
        latent_channels: Gaussian channels of the latent.
        period: rows and columns after which the lattice repeats.
        size: rows and columns of a training sheet.
        maps: whether labels are maps (batch, rows/2, cols/2), which a critic gets as they are.
        num_conditions: numbers that a sheet is asked for; of several, labels have one more axis for them.
    """

    width: int
    num_states: int
    latent_channels: int
    period: tuple[int, int]
    size: tuple[int, int]
    maps: bool = False
    num_conditions: int = 1

    @property
    def label_axes(self) -> tuple[int, ...]:
        """The axis of a label that several conditions add; none of one."""
        return () if self.num_conditions == 1 else (self.num_conditions,)


def build_model(options: TrainOptions, data_set: DataSet, label_loss: MapLoss | JudgedLabels | None = None) -> RUGAN:
    """Build networks and optimisers."""
    model = RUGAN(
        build_generator(options, data_set),
        build_critic(options, data_set),
        num_states=data_set.system.num_states,
        latent_channels=options.latent_channels,
        critic_steps=options.critic_steps,
        loss_options=options.loss,
        average_decay=options.average_decay,
        hard_samples=options.hard_samples,
        sample_noise=options.sample_noise,
        label_maps=label_loss if isinstance(label_loss, MapLoss) else None,
        judged_labels=label_loss if isinstance(label_loss, JudgedLabels) else None,
        seed=options.seed,
    )
    model.compile(
        # Counted in updates of its own network, so that both rates come to zero together.
        build_optimizer(options, options.num_updates * options.critic_steps),
        build_optimizer(options, options.num_updates),
        use_xla=options.xla,
        run_eagerly=options.eager,
    )
    return model


def build_generator(options: TrainOptions, data_set: DataSet) -> keras.Model:
    """Build a generator, to be trained or to take the averaged weights."""
    rows, cols = data_set.states.shape[1:]
    if options.generator is not None:
        request = network_request(options, data_set, options.width)
        network = imported(options.generator, "A generator")(request)
        require_generator(network, request, options.generator)
        return network
    period = lattice_period(data_set) if options.fold_generator else (1, 1)
    return Generator(
        options.width,
        data_set.system.num_states,
        latent_channels=options.latent_channels,
        period=period,
        window=(rows, cols) if options.window_means else None,
        refinements=options.refinements,
        num_conditions=len(options.conditions),
        name="generator",
    )


def build_critic(options: TrainOptions, data_set: DataSet) -> keras.Model:
    """Build the critic."""
    # The head is there only if something trains it.
    regression = options.loss.regression_weight > 0
    if options.critic is not None:
        request = network_request(options, data_set, options.critic_width)
        network = imported(options.critic, "A critic")(request)
        require_critic(network, request, options.critic, regression=regression)
        return network
    return Critic(
        options.critic_width,
        data_set.system.num_states,
        period=lattice_period(data_set),
        dropout=options.dropout,
        projection=options.projection,
        head_layers=options.head_layers,
        regression=regression,
        num_blocks=options.critic_blocks,
        maps=options.has_maps,
        num_conditions=len(options.conditions),
        name="critic",
    )


def network_request(options: TrainOptions, data_set: DataSet, width: int) -> NetworkRequest:
    """Return what a user's own function is told."""
    rows, cols = data_set.states.shape[1:]
    return NetworkRequest(
        width,
        data_set.system.num_states,
        options.latent_channels,
        lattice_period(data_set),
        (rows, cols),
        maps=options.has_maps,
        num_conditions=len(options.conditions),
    )


def require_generator(network: Any, request: NetworkRequest, spec: str) -> None:
    """Raise InputError unless a user's generator takes and gives what RUGAN and the export need."""
    rows, cols = request.size
    missing = [name for name in ("latent_channels", "halo") if not hasattr(network, name)]
    if not isinstance(network, keras.Model) or missing:
        raise InputError(
            f"A generator must be a keras.Model with latent_channels and halo (latent cells to each side). "
            f"Received: {type(network).__name__} from {spec}, without {', '.join(missing) or 'being one'}"
        )
    # Tried once: within the first update a wrong shape would be an error of TensorFlow, about something else.
    latent = keras.ops.zeros((1, rows // 2, cols // 2, request.latent_channels))
    label = keras.ops.zeros((1, rows // 2, cols // 2, *request.label_axes))
    made = network({"latent": latent, "label": label}, training=False)
    expected = (1, rows, cols, request.num_states)
    if tuple(made.shape) != expected:
        raise InputError(
            f"A generator must make probabilities of the shape {expected} from a latent of the shape "
            f"{tuple(latent.shape)}. Received: shape={tuple(made.shape)} from {spec}"
        )


def require_critic(network: Any, request: NetworkRequest, spec: str, *, regression: bool) -> None:
    """Raise InputError unless a user's critic takes and gives what RUGAN needs."""
    if not isinstance(network, keras.Model):
        raise InputError(f"A critic must be a keras.Model. Received: {type(network).__name__} from {spec}")
    # Two sheets: with one, a critic that sums over the batch could not be told from a right one.
    encoding = keras.ops.zeros((2, *request.size, request.num_states))
    of_sheet = (2, *(length // 2 for length in request.size)) if request.maps else (2, *request.label_axes)
    label = keras.ops.zeros(of_sheet)
    given = network({"encoding": encoding, "label": label}, training=False)
    shapes = [tuple(part.shape) for part in given] if isinstance(given, tuple | list) else [tuple(given.shape)]
    number = 3 if regression else 2
    if (
        len(shapes) != number
        or shapes[0] != (2,)
        or len(shapes[1]) != 2
        or (regression and shapes[2] != (2, *request.label_axes))
    ):
        predicted = ", ".join(("batch", *map(str, request.label_axes))) + ("" if request.label_axes else ",")
        rule = "score (batch,), features (batch, width)" + (f" and predicted label ({predicted})" if regression else "")
        raise InputError(f"A critic must return {rule}. Received: shapes {shapes} for a batch of 2 from {spec}")


def build_optimizer(options: TrainOptions, num_steps: int) -> keras.optimizers.Optimizer:
    """Build Adam with the paper's moments, its rate constant or decaying linearly to zero over `num_steps`."""
    rate: Any = options.learning_rate
    if options.decay_learning_rate:
        rate = keras.optimizers.schedules.PolynomialDecay(rate, num_steps, end_learning_rate=0.0)
    # Epsilon is said because it is 1e-7 in Keras.
    return keras.optimizers.Adam(rate, beta_1=0.0, beta_2=0.9, epsilon=1e-8)

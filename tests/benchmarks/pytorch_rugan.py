"""RUGAN in PyTorch, for comparisons of speed alone: the layers, losses, optimisers and averages of rugan_tf.train.

Channels come first here. Weights are copied from the Keras networks, so that both can be compared number by number.
"""

import itertools

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


class PeriodicConv2d(nn.Conv2d):
    def __init__(self, inputs, outputs, size=3, *, bias=True):
        super().__init__(inputs, outputs, size, bias=bias)
        self.reach = size // 2

    def forward(self, x):
        if self.reach:
            x = torch.cat([x[:, :, -1:], x, x[:, :, :1]], 2)  # measured faster than F.pad(mode="circular")
            x = torch.cat([x[..., -1:], x, x[..., :1]], 3)
        return super().forward(x)


class PeriodicMean2d(nn.Module):
    def __init__(self, window):
        super().__init__()
        self.window = window

    def forward(self, x):
        if tuple(x.shape[2:]) == self.window:
            return x.mean((2, 3), keepdim=True)
        rows, cols = (size // 2 for size in self.window)
        ends = (cols, cols - 1 + self.window[1] % 2, rows, rows - 1 + self.window[0] % 2)
        return F.avg_pool2d(F.pad(x, ends, mode="circular"), self.window, 1)


class GeneratorBlock(nn.Module):
    def __init__(self, inputs, width, upsampling, preactivate, window):
        super().__init__()
        self.upsampling, self.preactivate = upsampling, preactivate
        self.first, self.second = PeriodicConv2d(inputs, width), PeriodicConv2d(width, width)
        self.mixing = PeriodicConv2d(width, width, 1, bias=False) if window else None
        self.mean = PeriodicMean2d(window) if window else None
        self.shortcut = PeriodicConv2d(inputs, width, 1) if inputs != width else None

    def upsample(self, x):
        for dim, factor in zip((2, 3), self.upsampling, strict=True):
            x = x if factor == 1 else torch.repeat_interleave(x, factor, dim=dim)
        return x

    def forward(self, x):
        hidden = self.first(self.upsample(F.relu(x) if self.preactivate else x))
        if self.mixing is not None:
            hidden = hidden + self.mixing(self.mean(F.relu(hidden)))
        hidden = self.second(F.relu(hidden))
        return hidden + self.upsample(x if self.shortcut is None else self.shortcut(x))


class RefinementBlock(nn.Module):
    def __init__(self, width, num_states, period):
        super().__init__()
        self.period = period
        scores = num_states * period[0] * period[1]
        self.first, self.second = PeriodicConv2d(width + scores, width), PeriodicConv2d(width, scores)

    def forward(self, x, scores):
        probabilities = torch.softmax(unfold(scores, *self.period), 1)
        draft = probabilities + (encode(probabilities.argmax(1)) - probabilities).detach()
        return scores + self.second(F.relu(self.first(torch.cat([x, fold(draft, *self.period)], 1))))


class Generator(nn.Module):
    def __init__(self, width, latent_channels, period, window, refinements, num_states=4):
        super().__init__()
        self.period = period
        shape = (1, 1), (2 // period[0], 2 // period[1]), (1, 1)
        inputs = (latent_channels + 1, width, width)
        windows: list[tuple[int, int] | None] = [None] * 3
        if window:
            fine = window[0] // period[0], window[1] // period[1]
            windows = [(window[0] // 2, window[1] // 2), fine, fine]
        self.blocks = nn.ModuleList(
            GeneratorBlock(inputs[index], width, shape[index], index > 0, windows[index]) for index in range(3)
        )
        self.normalization = nn.BatchNorm2d(width, eps=1e-3, momentum=0.01)
        self.convolution = PeriodicConv2d(width, num_states * period[0] * period[1])
        self.refinements = nn.ModuleList(RefinementBlock(width, num_states, period) for _ in range(refinements))

    def forward(self, latent, label):
        x = torch.cat([latent, label[:, None, None, None].expand(-1, 1, *latent.shape[2:])], 1)
        for block in self.blocks:
            x = block(x)
        x = F.relu(self.normalization(x))
        scores = self.convolution(x)
        for block in self.refinements:
            scores = block(x, scores)
        return torch.softmax(unfold(scores, *self.period), 1)


class CriticBlock(nn.Module):
    def __init__(self, inputs, width, preactivate):
        super().__init__()
        self.preactivate = preactivate
        self.first, self.second = PeriodicConv2d(inputs, width), PeriodicConv2d(width, width)
        self.shortcut = PeriodicConv2d(inputs, width, 1) if inputs != width else None

    def forward(self, x):
        hidden = self.second(F.relu(self.first(F.relu(x) if self.preactivate else x)))
        return hidden + (x if self.shortcut is None else self.shortcut(x))


class Critic(nn.Module):
    def __init__(self, width, period, dropout, projection, head_layers, regression, num_states=4):
        super().__init__()
        self.period = period
        channels = num_states * period[0] * period[1] + (0 if head_layers else 1)
        self.blocks = nn.ModuleList(
            CriticBlock(channels if index == 0 else width, width, index > 0) for index in range(3)
        )
        self.dropout = nn.Dropout(dropout)
        sizes = [3 * width + 1, *[width] * head_layers]
        self.head = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.linear = nn.Linear(width, 1)
        self.regression = nn.Linear(3 * width, 1) if regression else None
        self.embedding = nn.Linear(1, width, bias=False) if projection else None

    def forward(self, encoding, label):
        x = fold(encoding, *self.period)
        if not len(self.head):
            x = torch.cat([x, label[:, None, None, None].expand(-1, 1, *x.shape[2:])], 1)
        means = []
        for block in self.blocks:
            x = block(x)
            means.append(F.relu(x).mean((2, 3)))
            x = self.dropout(x)
        features = torch.cat([*means, label[:, None]], 1) if len(self.head) else F.relu(x).mean((2, 3))
        for layer in self.head:
            features = F.relu(layer(features))
        score = self.linear(features)[:, 0]
        if self.embedding is not None:
            score = score + (self.embedding(label[:, None]) * features).sum(1)
        predicted = None if self.regression is None else self.regression(torch.cat(means, 1))[:, 0]
        return score, features, predicted


def fold(x, rows, cols):
    if rows == cols == 1:
        return x
    batch, channels, height, width = x.shape
    x = x.reshape(batch, channels, height // rows, rows, width // cols, cols).permute(0, 3, 5, 1, 2, 4)
    return x.reshape(batch, -1, height // rows, width // cols)


def unfold(x, rows, cols):
    if rows == cols == 1:
        return x
    batch, channels, height, width = x.shape
    x = x.reshape(batch, rows, cols, channels // (rows * cols), height, width).permute(0, 3, 4, 1, 5, 2)
    return x.reshape(batch, -1, height * rows, width * cols)


class PytorchRUGAN:
    """One training step: critic_steps updates of the critic, one of the generator, and the average of its weights."""

    def __init__(self, settings, period, size, *, compiled=False):
        self.settings = settings
        self.generator = Generator(
            settings.width,
            settings.latent_channels,
            period if settings.fold_generator else (1, 1),
            size if settings.window_means else None,
            settings.refinements,
        )
        self.critic = Critic(
            settings.critic_width,
            period,
            settings.dropout,
            settings.projection,
            settings.head_layers,
            settings.loss.regression_weight > 0,
        )
        self.average = [value.detach().clone() for value in self.generator.state_dict().values()]
        adam = {"lr": settings.learning_rate, "betas": (0.0, 0.9), "eps": 1e-8, "fused": True}
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), **adam)
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), **adam)
        self.updates = 0
        wrap = torch.compile if compiled else lambda function, **_: function
        self.critic_loss_of = wrap(self.critic_loss)
        self.generator_loss_of = wrap(self.generator_loss)
        self.draw = wrap(self.draw_fake)

    def draw_fake(self, states, label):
        rows, cols = states.shape[1:]
        latent = torch.randn(len(label), self.settings.latent_channels, rows // 2, cols // 2)
        probabilities = self.generator(latent, label)
        if not self.settings.hard_samples:
            return probabilities
        if self.settings.sample_noise:
            gumbel = -torch.log(1e-7 - torch.log(torch.rand_like(probabilities) + 1e-7))
            probabilities = torch.softmax(torch.log(probabilities + 1e-7) + self.settings.sample_noise * gumbel, 1)
        return probabilities + (encode(probabilities.argmax(1)) - probabilities).detach()

    def critic_loss(self, states, label, fake, epsilon):
        loss_options = self.settings.loss
        real = encode(states)
        score, features, predicted = self.critic(torch.cat([real, real, fake]), label.repeat(3))
        first, second, of_fake = score.chunk(3)
        loss = of_fake.mean() - first.mean()
        mixed = epsilon * real + (1 - epsilon) * fake
        gradient = torch.func.grad(lambda x: self.critic(x, label)[0].sum())(mixed)
        norm = torch.sqrt(gradient.square().sum((1, 2, 3)) + 1e-12)
        loss = loss + loss_options.gradient_penalty_weight * (norm - 1).square().mean()
        ours, again, _ = features.chunk(3)
        distance = (first - second).square() + 0.1 * (ours - again).square().mean(1)
        loss = loss + loss_options.consistency_weight * distance.clamp(min=0).mean()
        if predicted is not None:
            loss = loss + loss_options.regression_weight * (predicted.chunk(3)[0] - label).square().mean()
        return loss

    def generator_loss(self, states, label):
        score, _, predicted = self.critic(self.draw_fake(states, label), label)
        loss = -score.mean()
        if predicted is not None:
            loss = loss + self.settings.loss.regression_weight * (predicted - label).square().mean()
        return loss

    def train_step(self, states, label):
        """Update both networks: uint8 (critic_steps batch, rows, cols) and float32 (critic_steps batch,)."""
        pieces = zip(states.chunk(self.settings.critic_steps), label.chunk(self.settings.critic_steps), strict=True)
        for part, part_label in pieces:
            with torch.no_grad():
                fake = self.draw(part, part_label)
            loss = self.critic_loss_of(part, part_label, fake, torch.rand(len(part), 1, 1, 1))
            update(self.critic_optimizer, loss)
        self.critic.requires_grad_(requires_grad=False)
        loss = self.generator_loss_of(part, part_label)
        update(self.generator_optimizer, loss)
        self.critic.requires_grad_(requires_grad=True)
        self.updates += 1
        decay = min(self.settings.average_decay, (1 + self.updates) / (10 + self.updates))
        with torch.no_grad():
            held = [value for value in self.generator.state_dict().values() if value.is_floating_point()]
            averages = [value for value in self.average if value.is_floating_point()]
            torch._foreach_lerp_(averages, held, 1 - decay)


def encode(states):
    return F.one_hot(states.long(), 4).permute(0, 3, 1, 2).float()


def update(optimizer, loss):
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def copy_weights(keras_network, network):
    """Copy the weights of a Keras network, which come in the order of the layers, by name."""
    values = {weight.path.split("/", 1)[1]: weight.numpy() for weight in keras_network.weights}
    names = {"kernel": "weight", "gamma": "weight", "beta": "bias"}
    names |= {"moving_mean": "running_mean", "moving_variance": "running_var"}
    state = {}
    for path, value in values.items():
        *layers, kind = path.split("/")
        place = (
            ".".join(layers)
            .replace("block_", "blocks.")
            .replace("head_", "head.")
            .replace("refinement_", "refinements.")
        )
        place = ".".join(str(int(part) - 1) if part.isdecimal() else part for part in place.split("."))
        tensor = torch.from_numpy(value)
        if kind == "kernel":
            tensor = tensor.permute(3, 2, 0, 1) if tensor.ndim == 4 else tensor.T
        state[f"{place}.{names.get(kind, kind)}"] = tensor.contiguous()
    missing, unexpected = network.load_state_dict(state, strict=False)
    if unexpected or any("num_batches" not in name for name in missing):
        raise ValueError(f"Both networks must have the same weights. Received: {missing=}, {unexpected=}")

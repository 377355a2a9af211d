"""Weights and forms of the terms in the critic's loss."""

import dataclasses
from typing import Literal

from rugan_tf.errors import InputError

ConsistencyForm = Literal["squared", "absolute"]


@dataclasses.dataclass(frozen=True)
class LossOptions:
    """Weights of the critic's loss."""

    gradient_penalty_weight: float = 10.0
    """Weight of the gradient penalty."""
    consistency_weight: float = 2.0
    """Weight of the consistency term."""
    regression_weight: float = 0.0
    """Weight, in both losses, of the squared error of the label that the critic predicts from a sheet; 0 for a critic
    that predicts none, as in the paper."""
    consistency_margin: float = 0.0
    """Weighted difference of two passes that costs nothing."""
    consistency_form: ConsistencyForm = "squared"
    """squared: Wei et al.; absolute: the RUGAN authors' form."""

    def __post_init__(self) -> None:
        """Refuse negative weights."""
        for name in ("gradient_penalty_weight", "consistency_weight", "regression_weight", "consistency_margin"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} must not be negative. Received: {name}={getattr(self, name)}")

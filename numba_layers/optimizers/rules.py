"""The rules by which weights follow gradients, a class each; the loops: `kernels/<target>/optimizer.py`.

g is the gradient, w the weight, t the number of the step, 1 at first. Every rule also takes `clipnorm` and
`clipvalue` (see `Optimizer`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..arguments import flag
from ..autograd.tensor import Variable
from .base import Hyperparameter, Optimizer, checked, epsilon_or_default
from .rates import Rule

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from typing_extensions import Unpack

    from ..typing import Clipping, Config


class SGD(Optimizer):
    """Gradient descent: w -= lr g.

    With momentum v = momentum v - lr g and w += v, or with nesterov w += momentum v - lr g.
    lr, decay: at least 0; step t uses lr / (1 + decay (t - 1)).   momentum: in [0, 1].
    Without momentum the moments are not needed and stay zero.
    Reference: Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning", §2.
    """

    lr, momentum, decay = Hyperparameter(), Hyperparameter(most=1), Hyperparameter()
    numbers = ("lr", "momentum", "decay")
    rule = Rule("sgd_rates", ("lr", "decay"), ("momentum",), rates=2)
    slots = ("moment",)

    def __init__(self, lr: float = 0.01, momentum: float = 0.0, decay: float = 0.0, nesterov: bool = False,
                 **clipping: Unpack[Clipping]) -> None:
        super().__init__(**clipping)
        self.lr, self.momentum, self.decay, self.initial_decay = lr, momentum, decay, decay
        self.nesterov = flag(nesterov, "SGD: nesterov")

    def kernel(self) -> str:
        with_momentum = "sgd_nesterov_update" if self.nesterov else "sgd_momentum_update"
        return with_momentum if float(self.momentum) else "sgd_update"

    def _slots_of(self, kernel: str, slots: Sequence[Any]) -> Sequence[Any]:
        return () if kernel == "sgd_update" else slots

    def get_config(self) -> Config:
        return super().get_config() | {"nesterov": self.nesterov}


class RMSprop(Optimizer):
    """Divide by a running root mean square: a = rho a + (1 - rho) g²;  w -= lr g / (√a + epsilon).

    lr, decay, epsilon: at least 0; epsilon None means K.epsilon().   rho: in [0, 1].
    Reference: Tieleman & Hinton 2012, "Lecture 6.5 - RMSProp", COURSERA.
    """

    lr, rho, decay = Hyperparameter(), Hyperparameter(most=1), Hyperparameter()
    numbers = ("lr", "rho", "decay", "epsilon")
    rule = Rule("rmsprop_rates", ("lr", "rho", "decay"), ("epsilon",), rates=3)
    slots = ("mean_square",)
    saves_iterations = False

    def __init__(self, lr: float = 0.001, rho: float = 0.9, epsilon: float | None = None, decay: float = 0.0,
                 **clipping: Unpack[Clipping]) -> None:
        super().__init__(**clipping)
        self.lr, self.rho, self.decay, self.initial_decay = lr, rho, decay, decay
        self.epsilon = epsilon_or_default(self, epsilon)

    def kernel(self) -> str:
        return "rmsprop_update"


class Adagrad(Optimizer):
    """Divide by the root of all squares so far: a += g²;  w -= lr g / (√a + epsilon).

    lr, decay, epsilon: at least 0; epsilon None means K.epsilon().
    Reference: Duchi, Hazan & Singer 2011, "Adaptive Subgradient Methods", JMLR 12.
    """

    lr, decay = Hyperparameter(), Hyperparameter()
    numbers = ("lr", "decay", "epsilon")
    rule = Rule("adagrad_rates", ("lr", "decay"), ("epsilon",), rates=2)
    slots = ("sum_square",)
    saves_iterations = False

    def __init__(self, lr: float = 0.01, epsilon: float | None = None, decay: float = 0.0,
                 **clipping: Unpack[Clipping]) -> None:
        super().__init__(**clipping)
        self.lr, self.decay, self.initial_decay = lr, decay, decay
        self.epsilon = epsilon_or_default(self, epsilon)

    def kernel(self) -> str:
        return "adagrad_update"


class Adadelta(Optimizer):
    """Steps in the units of the weights: u = g √(d + epsilon) / √(a + epsilon);  w -= lr u, where
    a = rho a + (1 - rho) g² and then d = rho d + (1 - rho) u².

    lr, decay, epsilon: at least 0; epsilon None means K.epsilon().   rho: in [0, 1].
    Reference: Zeiler 2012, "ADADELTA: An Adaptive Learning Rate Method", algorithm 1.
    """

    lr, decay = Hyperparameter(), Hyperparameter()
    numbers = ("lr", "rho", "decay", "epsilon")
    rule = Rule("adadelta_rates", ("lr", "decay"), ("rho", "epsilon"), rates=3)
    slots = ("mean_square", "mean_square_step")
    saves_iterations = False

    def __init__(self, lr: float = 1.0, rho: float = 0.95, epsilon: float | None = None, decay: float = 0.0,
                 **clipping: Unpack[Clipping]) -> None:
        super().__init__(**clipping)
        self.lr, self.decay, self.initial_decay = lr, decay, decay
        self.rho = checked(self, "rho", rho, most=1)   # a plain number, as in Keras
        self.epsilon = epsilon_or_default(self, epsilon)

    def kernel(self) -> str:
        return "adadelta_update"


class Adam(Optimizer):
    """Running mean over running root mean square: m = β₁ m + (1 - β₁) g;  v = β₂ v + (1 - β₂) g²;
    w -= lr √(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√v + epsilon), with the largest v so far in place of v if amsgrad.

    lr, decay, epsilon: at least 0; epsilon None means K.epsilon().   beta_1, beta_2: in [0, 1).
    Reference: Kingma & Ba 2015, "Adam", §2; Reddi et al. 2018, "On the Convergence of Adam and Beyond".
    """

    lr, decay = Hyperparameter(), Hyperparameter()
    beta_1, beta_2 = Hyperparameter(below=1), Hyperparameter(below=1)
    numbers = ("lr", "beta_1", "beta_2", "decay", "epsilon")
    rule = Rule("adam_rates", ("lr", "beta_1", "beta_2", "decay"), ("epsilon",), rates=4)

    def __init__(self, lr: float = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float | None = None,
                 decay: float = 0.0, amsgrad: bool = False, **clipping: Unpack[Clipping]) -> None:
        super().__init__(**clipping)
        self.lr, self.beta_1, self.beta_2 = lr, beta_1, beta_2
        self.decay = self.initial_decay = decay
        self.epsilon = epsilon_or_default(self, epsilon)
        self.amsgrad = flag(amsgrad, "Adam: amsgrad")

    @property
    def slots(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("mean", "mean_square", "largest") if self.amsgrad else ("mean", "mean_square")

    def kernel(self) -> str:
        return "adam_amsgrad_update" if self.amsgrad else "adam_update"

    def _slot_variables(self, variables: Sequence[Variable], slots: list[Variable]) -> list[Variable]:
        """Without amsgrad Keras 2 saves one zero for each variable in place of the largest v."""
        unused = () if self.amsgrad else variables
        return super()._slot_variables(variables, slots) + [
            Variable(np.zeros(1, variable.dtype), name=f"{variable.name}/unused", trainable=False)
            for variable in unused]

    def _targets(self, variables: Any, weights: Any) -> Any:
        kept = 1 + (len(variables) - 1) // 3 * 2   # what Keras 1 saves
        return variables[:kept] if len(weights) == kept and not self.amsgrad else variables

    def get_config(self) -> Config:
        return super().get_config() | {"amsgrad": self.amsgrad}


class Adamax(Optimizer):
    """Adam with the largest gradient in place of the mean square: m = β₁ m + (1 - β₁) g;  u = max(β₂ u, |g|);
    w -= lr / (1 - β₁ᵗ) · m / (u + epsilon).

    lr, decay, epsilon: at least 0; epsilon None means K.epsilon().   beta_1, beta_2: in [0, 1).
    Reference: Kingma & Ba 2015, "Adam", §7.1.
    """

    lr, decay = Hyperparameter(), Hyperparameter()
    beta_1, beta_2 = Hyperparameter(below=1), Hyperparameter(below=1)
    numbers = ("lr", "beta_1", "beta_2", "decay", "epsilon")
    rule = Rule("adamax_rates", ("lr", "beta_1", "beta_2", "decay"), ("epsilon",), rates=4)
    slots = ("mean", "largest")

    def __init__(self, lr: float = 0.002, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float | None = None,
                 decay: float = 0.0, **clipping: Unpack[Clipping]) -> None:
        super().__init__(**clipping)
        self.lr, self.beta_1, self.beta_2 = lr, beta_1, beta_2
        self.decay = self.initial_decay = decay
        self.epsilon = epsilon_or_default(self, epsilon)

    def kernel(self) -> str:
        return "adamax_update"


class Nadam(Optimizer):
    """Adam with Nesterov's momentum, m and v as in Adam:
    w -= lr ((1 - μₜ) g / (1 - Πₜ) + μₜ₊₁ m / (1 - Πₜ₊₁)) / (√(v / (1 - β₂ᵗ)) + epsilon),
    with the schedule μₜ = β₁ (1 - 0.96^(t schedule_decay) / 2) and Πₜ = μ₁ μ₂ ... μₜ.

    lr, epsilon, schedule_decay: at least 0; epsilon None means K.epsilon().   beta_1, beta_2: in [0, 1).
    Reference: Dozat 2016, "Incorporating Nesterov Momentum into Adam", algorithm 2.
    """

    lr, beta_1, beta_2 = Hyperparameter(), Hyperparameter(below=1), Hyperparameter(below=1)
    numbers = ("lr", "beta_1", "beta_2", "epsilon", "schedule_decay")
    rule = Rule("nadam_rates", ("lr", "beta_1", "beta_2"), ("epsilon", "schedule_decay"), rates=6, memory=2)
    slots = ("mean", "mean_square")

    def __init__(self, lr: float = 0.002, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float | None = None,
                 schedule_decay: float = 0.004, **clipping: Unpack[Clipping]) -> None:
        super().__init__(**clipping)
        self.lr, self.beta_1, self.beta_2 = lr, beta_1, beta_2
        self.epsilon = epsilon_or_default(self, epsilon)
        self.schedule_decay = checked(self, "schedule_decay", schedule_decay)

    def kernel(self) -> str:
        return "nadam_update"

"""Small neural networks whose outputs are SymPy expressions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray

from pysymude.errors import EmissionError, InvalidInputError
from pysymude.model.activations import ACTIVATIONS
from pysymude.model.calls import explained, whole_number
from pysymude.model.language import check_own_name
from pysymude.model.network_input import biases_of, inputs_of, scaling_of, width_of
from pysymude.model.network_values import (
    Layer,
    Scaling,
    forward_of,
    hessian_of,
    jacobian_of,
    pull_of,
)

__all__ = ["ACTIVATIONS", "MLP", "NetworkDerivative", "NetworkOutput"]

Float = NDArray[np.float64]


class MLP(sp.Atom):
    """A multilayer perceptron; ``nn[i]`` is its i-th output, usable anywhere in a right-hand side.

    Parameters
    ----------
    name : str
        A plain identifier, unique in the system. It also enters the seed of the initial weights.
    inputs : SymPy expression or sequence of them
        What the network reads: expressions of states, parameters and time.
    outputs : int
        Number of outputs.
    hidden : int or sequence of int
        Widths of the hidden layers; ``()`` gives an affine map.
    activation : str or SymPy expression of one symbol, or sequence of them
        One of ``tanh softplus gelu swish relu sigmoid rbf identity``, after each hidden layer. A sequence has
        one for each hidden layer, and may have one more for the outputs. These, the names ``elu celu selu
        leaky_relu relu6 mish softsign tanhshrink hardtanh hardsigmoid hardswish logsigmoid sin cos exp abs``,
        and an expression of your own, such as ``z*sympy.tanh(z)``, make a
        `pysymude.model.chain.NetworkChain` of affine layers.
        Steps do not end at the kinks of ``relu``, of which a solution passes many: what the error of a
        step allows its value leaves gradients wrong, at the default `reltol` by some thousandths and at
        worst some hundredths, at 1e-8 by a tenth of that. Of smooth activations they are as exact as the
        solution; where gradients matter, take ``softplus`` or ``swish``.
    input_scaling, output_scaling : None, "data", or (shift, scale)
        Affine scaling of each input, ``(z - shift)/scale``, and of each output, ``shift + scale*y``
        (numbers or sequences). ``"data"`` takes both from the data before training. None: none.
    bias : bool or sequence of bool
        Whether layers have a bias: all, or each of the hidden ones and the last.

    Notes
    -----
    The weights are one flat float64 vector: for each layer the matrix (rows = outputs of the layer,
    row-major), then the bias. A layer without bias has zeros there, which are never learned. ``nn(a, b)[i]`` is
    the same network (same weights) at other inputs.

    Examples
    --------
    >>> import pysymude as psu
    >>> x, y = psu.states("x y")
    >>> nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=(5, 5))
    >>> psu.ODESystem({x: -x + nn[0], y: nn[1]}).is_universal
    True
    >>> nn.n_weights
    57
    """

    # SymPy asks these of every node; it would take a network apart that it may iterate over
    is_commutative = True
    _iterable = False

    name: str
    inputs: tuple[sp.Expr, ...]
    outputs: int
    hidden: tuple[int, ...]
    activation: str
    input_scaling: Any
    output_scaling: Any
    bias: tuple[bool, ...]

    @explained
    def __new__(
        cls,
        name: str,
        *,
        inputs: Any,
        outputs: int,
        hidden: int | Sequence[int],
        activation: Any = "tanh",
        input_scaling: Any = None,
        output_scaling: Any = None,
        bias: bool | Sequence[bool] = True,
    ) -> MLP:
        self = cast("MLP", super().__new__(cls))
        self.name = check_own_name(name, what="MLP(name)")
        self.inputs = inputs_of(name, inputs)
        self.outputs = width_of(name, "outputs", outputs)
        widths = hidden if isinstance(hidden, (tuple, list, np.ndarray)) else [hidden]
        self.hidden = tuple(width_of(name, "hidden", width) for width in widths)
        self.bias = biases_of(name, bias, len(self.hidden) + 1)
        if not isinstance(activation, str) or activation not in ACTIVATIONS:
            # it is made of networks
            from pysymude.model.chain import NetworkChain, chain_activations

            each = chain_activations(name, activation, self.hidden, output_scaling is not None)
            alike = len(set(each[:-1])) <= 1 and each[-1] == "identity"
            if not alike or each[0] not in ACTIVATIONS:
                scalings = input_scaling, output_scaling
                made: Any = NetworkChain(
                    name, self.inputs, self.outputs, self.hidden, each, *scalings, self.bias
                )
                return made
            activation = each[0]
        self.activation = activation
        self.input_scaling = scaling_of(name, "input_scaling", input_scaling, len(self.inputs))
        self.output_scaling = scaling_of(name, "output_scaling", output_scaling, self.outputs)
        return self

    def _hashable_content(self) -> tuple[Any, ...]:
        # SymPy also sorts by these, and can do so with nodes and text but not with None
        return (
            self.name,
            sp.Tuple(*self.inputs),
            self.outputs,
            self.hidden,
            self.activation,
            repr(self.input_scaling),
            repr(self.output_scaling),
            repr(self.bias),
        )

    def __getitem__(self, index: int) -> NetworkOutput:
        if isinstance(index, int) and 0 <= index < self.outputs:  # without all the others
            return NetworkOutput(self, sp.Integer(index), *self.inputs)
        return self(*self.inputs)[index]

    def __iter__(self) -> Iterator[NetworkOutput]:
        return iter(self(*self.inputs))

    def _needs_index(self, *_: Any) -> Any:
        names = [f"{self.name}[{k}]" for k in range(min(self.outputs, 3))]
        raise InvalidInputError(
            f"{self.name} is a network, with the output{'s' * (self.outputs > 1)} {', '.join(names)}"
            f"{', ...' if self.outputs > 3 else ''}: write {self.name}[0] in expressions"
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _needs_index
    __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __neg__ = _needs_index

    def __len__(self) -> int:
        return self.outputs

    def __call__(self, *inputs: Any) -> tuple[NetworkOutput, ...]:
        """All outputs of the same network at other inputs, as a tuple of SymPy expressions."""
        if len(inputs) != len(self.inputs):
            raise InvalidInputError(
                f"network {self.name!r} takes {len(self.inputs)} inputs; found {len(inputs)}"
            )
        arguments = inputs_of(self.name, list(inputs))
        return _Outputs(NetworkOutput(self, sp.Integer(i), *arguments) for i in range(self.outputs))

    def with_scaling(self, scaling: Scaling) -> MLP:
        """The same network with its scaling set to numbers."""
        return MLP(
            self.name,
            inputs=self.inputs,
            outputs=self.outputs,
            hidden=self.hidden,
            activation=self.activation,
            input_scaling=(scaling.input_shift, scaling.input_scale),
            output_scaling=(scaling.output_shift, scaling.output_scale),
            bias=self.bias,
        )

    @property
    def needs_data(self) -> bool:
        """Whether a scaling is still to be taken from data."""
        return "data" in (self.input_scaling, self.output_scaling)

    @property
    def widths(self) -> tuple[int, ...]:
        """Sizes from input to output, such as (2, 5, 5, 2)."""
        return (len(self.inputs), *self.hidden, self.outputs)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Where each layer's matrix and bias lie in the flat weights."""
        found: list[Layer] = []
        offset = 0
        for columns, rows, bias in zip(self.widths[:-1], self.widths[1:], self.bias, strict=True):
            W = slice(offset, offset + rows * columns)
            b = slice(W.stop, W.stop + rows)
            found.append(Layer(rows, columns, W, b, bias))
            offset = b.stop
        return tuple(found)

    @property
    def n_weights(self) -> int:
        """Number of weights and biases, the zeros in place of missing ones included."""
        return self.layers[-1].b.stop

    def initial_weights(self, seed: int) -> Float:
        """Seeded start: Glorot-uniform matrices, zero biases, float64 of shape (n_weights,).

        The stream depends on `seed` and the network's name only, so every engine starts alike.

        References
        ----------
        .. [1] Glorot and Bengio, Understanding the difficulty of training deep feedforward neural
           networks, AISTATS 2010, eq. 16.
        """
        rng = np.random.default_rng([whole_number(seed, what="seed"), *self.name.encode()])
        weights = np.zeros(self.n_weights)
        for layer in self.layers:
            bound = np.sqrt(6.0 / (layer.rows + layer.columns))
            weights[layer.W] = rng.uniform(-bound, bound, layer.rows * layer.columns)
        return weights

    def forward(self, weights: ArrayLike, z: ArrayLike) -> Float:
        """Outputs at inputs `z` of shape (..., inputs), float64 of shape (..., outputs)."""
        return forward_of(self, weights, z)

    def pull(self, weights: ArrayLike, z: ArrayLike, given: ArrayLike) -> Float:
        """The derivative by all weights, float64 (n_weights,), of ``given @ outputs`` at one input z."""
        return pull_of(self, weights, z, given)

    def jacobian(self, weights: ArrayLike, z: ArrayLike) -> Float:
        """D output / d input at `z` of shape (..., inputs), float64 of shape (..., outputs, inputs)."""
        return jacobian_of(self, weights, z)

    def hessian(self, weights: ArrayLike, z: ArrayLike) -> Float:
        """Second derivatives at `z` of shape (..., inputs): (..., outputs, inputs, inputs)."""
        return hessian_of(self, weights, z)

    def fixed_scaling(self) -> Scaling:
        """The scaling that was set; the identity where it is None or still to come from the data."""

        def pair(given: Any, size: int) -> tuple[Float, Float]:
            if given is None or given == "data":
                return np.zeros(size), np.ones(size)
            return np.array(given[0]), np.array(given[1])

        return Scaling(
            *pair(self.input_scaling, len(self.inputs)), *pair(self.output_scaling, self.outputs)
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> MLP:
        return self

    def __reduce__(self) -> Any:
        # SymPy's own way would lose what stands in attributes
        from pysymude.model.copies import reduced_network

        return reduced_network(self)

    def _sympystr(self, printer: Any) -> str:
        return self.name

    def _sympyrepr(self, printer: Any) -> str:
        return f"MLP({self.name!r}, widths={self.widths}, activation={self.activation!r})"

    def _latex(self, printer: Any) -> str:
        return rf"\mathrm{{{self.name}}}"


class _Outputs(tuple["NetworkOutput", ...]):
    """A tuple of outputs whose index error names the network."""

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, (int, np.integer, sp.Integer)) and not 0 <= int(index) < len(self):
            name = tuple.__getitem__(self, 0).network.name
            raise InvalidInputError(
                f"network {name!r} has {len(self)} outputs, {name}[0] to "
                f"{name}[{len(self) - 1}]; found index {int(index)}"
            )
        return tuple.__getitem__(self, index)


class NetworkOutput(sp.Expr):
    """One output of a network at given inputs: a SymPy expression; made by ``nn[i]``."""

    is_commutative = True
    is_real = True
    _diff_wrt = True  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]

    def __new__(cls, network: MLP, index: sp.Integer, *inputs: sp.Expr) -> NetworkOutput:
        return cast("NetworkOutput", sp.Expr.__new__(cls, network, index, *inputs))

    @property
    def network(self) -> MLP:
        """The network."""
        return cast("MLP", self.args[0])

    @property
    def index(self) -> int:
        """Which output."""
        return int(cast("sp.Integer", self.args[1]))

    @property
    def inputs(self) -> tuple[sp.Expr, ...]:
        """What the network reads here."""
        return cast("tuple[sp.Expr, ...]", self.args[2:])

    def _eval_derivative(self, s: sp.Symbol) -> sp.Expr:
        if s == self:
            return sp.S.One
        total: sp.Expr = sp.S.Zero
        for j, z in enumerate(self.inputs):
            # most inputs of a wide network are other symbols
            dz = sp.S.Zero if z.is_Symbol and z != s else z.diff(s)
            if dz != 0:
                by = sp.Tuple(sp.Integer(j))
                total += NetworkDerivative(self.network, self.args[1], by, *self.inputs) * dz
        return total

    def _sympystr(self, printer: Any) -> str:
        if self.inputs == self.network.inputs:
            return f"{self.network.name}[{self.index}]"
        at = ", ".join(printer.doprint(z) for z in self.inputs)
        return f"{self.network.name}({at})[{self.index}]"

    def _latex(self, printer: Any) -> str:
        at = ", ".join(printer.doprint(z) for z in self.inputs)
        return rf"\mathrm{{{self.network.name}}}_{{{self.index}}}\left({at}\right)"


class NetworkDerivative(sp.Expr):
    """A first or second derivative of one output, as it appears in symbolic Jacobians.

    `by` holds the positions of one or two inputs.
    """

    is_commutative = True
    is_real = True

    def __new__(
        cls, network: MLP, output: sp.Basic, by: sp.Tuple, *inputs: sp.Expr
    ) -> NetworkDerivative:
        # the order of differentiation does not matter
        by = sp.Tuple(*sorted(by.args, key=lambda i: int(cast("sp.Integer", i))))
        return cast("NetworkDerivative", sp.Expr.__new__(cls, network, output, by, *inputs))

    @property
    def network(self) -> MLP:
        """The network."""
        return cast("MLP", self.args[0])

    @property
    def output(self) -> NetworkOutput:
        """What is differentiated."""
        return NetworkOutput(self.network, cast("sp.Integer", self.args[1]), *self.inputs)

    @property
    def by(self) -> tuple[int, ...]:
        """The positions of the inputs with respect to which it is differentiated."""
        return tuple(int(cast("sp.Integer", i)) for i in self.args[2].args)

    @property
    def inputs(self) -> tuple[sp.Expr, ...]:
        """What the network reads here."""
        return cast("tuple[sp.Expr, ...]", self.args[3:])

    def _eval_derivative(self, s: sp.Symbol) -> sp.Expr:
        total: sp.Expr = sp.S.Zero
        for j, z in enumerate(self.inputs):
            dz = sp.S.Zero if z.is_Symbol and z != s else z.diff(s)
            if dz == 0:
                continue
            if len(self.by) == 2:
                raise EmissionError(
                    f"the third derivative of network {self.network} with respect to {s} is not formed "
                    "symbolically; differentiate numerically instead",
                    node=self,
                    target="SymPy",
                )
            by = sp.Tuple(*self.by, j)
            total += NetworkDerivative(self.network, self.args[1], by, *self.inputs) * dz
        return total

    def _sympystr(self, printer: Any) -> str:
        return f"D({printer.doprint(self.output)}, {', '.join(map(str, self.by))})"

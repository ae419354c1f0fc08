"""The same loss in torchdiffeq; run as a script: Julia and torch do not share a process well.

Reads a JSON problem from standard input and prints timings and the gradient as JSON.
"""

import itertools
import json
import sys
import time

import numpy as np


def main() -> None:
    try:
        import torch
        from torchdiffeq import odeint, odeint_adjoint
    except ImportError as error:
        print(json.dumps({"missing": str(error)}))
        return
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    given = json.load(sys.stdin)
    widths, name = given["widths"], given["name"]
    layers: list[torch.nn.Module] = []
    for k, (columns, rows) in enumerate(itertools.pairwise(widths)):
        layers.append(torch.nn.Linear(columns, rows))
        if k < len(widths) - 2:
            layers.append(torch.nn.Tanh())
    net = torch.nn.Sequential(*layers)
    # matrices by rows, then biases: the order of theta everywhere else
    torch.nn.utils.vector_to_parameters(torch.tensor(given["theta"]), net.parameters())

    class Field(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net
            self.rate = torch.tensor([1.3, -1.8])

        def forward(self, t: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
            return self.net(u**3) if name == "spiral" else self.rate * u + self.net(u)

    field, t = Field(), torch.tensor(given["ts"])
    u0, y = torch.tensor(given["u0"]), torch.tensor(given["y"])
    weight = torch.tensor(given["weight"])

    def gradient(solver):
        net.zero_grad()
        u = solver(field, u0, t, rtol=given["reltol"], atol=given["abstol"], method="dopri5")
        ((weight * (u - y)) ** 2).sum().backward()
        return torch.cat([p.grad.ravel() for p in net.parameters()]).numpy().copy()

    found = {}
    for label, solver in (("odeint", odeint), ("odeint_adjoint", odeint_adjoint)):
        start = time.perf_counter()
        gradient(solver)
        cold = time.perf_counter() - start
        samples = []
        for _ in range(given["rounds"]):
            start = time.perf_counter()
            slope = gradient(solver)
            samples.append(1e3 * (time.perf_counter() - start))
        lower, median, upper = np.quantile(samples, [0.25, 0.5, 0.75])
        found[label] = {
            "cold s": cold, "best ms": min(samples), "q1": lower, "median": median, "q3": upper,
            "rounds": len(samples), "gradient": slope.tolist(),
        }  # fmt: skip
    print(json.dumps({"version": torch.__version__, "rows": found}))


if __name__ == "__main__":
    main()

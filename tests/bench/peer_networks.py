"""The peer of bench_networks: the same training steps in PyTorch.

    peer_networks.py ensemble|small [VARIANT]

ensemble: VARIANT is baddbmm (bias in the product), bmm (product, then bias) or loop (a
module a member, as one optimiser); small: module, or functional (parameters in a list,
no modules). Without one, all are tried in turn and the fastest of their rounds counts.
Threads as OMP_NUM_THREADS says. `loss` after STEPS steps from the same start.
"""

import math
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

IN, OUT, N, STEPS, ROUNDS = 23, 18, 5000, 20, 7
TASKS = {
    "ensemble": dict(members=7, hidden=4, width=200, batch=256, steps=12, decay=1e-5),
    "small": dict(members=1, hidden=2, width=64, batch=32, steps=400, decay=0),
}
VARIANTS = {"ensemble": ["baddbmm", "bmm", "loop"], "small": ["module", "functional"]}


def scatter(i):
    return (i.astype(np.uint64) * np.uint64(2654435761) % np.uint64(2**32)) / 2.0**32


def data():
    X = (4 * scatter(np.arange(N * IN)) - 2).astype(np.float32).reshape(N, IN)
    noise = 0.2 * scatter(N * IN + np.arange(N * OUT)) - 0.1
    Y = X[:, :OUT] * X[:, 5 : 5 + OUT] + noise.astype(np.float32).reshape(N, OUT)
    return torch.from_numpy(X), torch.from_numpy(Y)


def start(task, outputs):
    """Weights [members, in, out] and biases [members, 1, out] of each layer."""
    widths = [IN] + [task["width"]] * task["hidden"] + [outputs]
    layers, at = [], 0
    for n, m in zip(widths, widths[1:]):
        w = [
            (2 * scatter(1000003 * e + at + np.arange(n * m)) - 1) / math.sqrt(n)
            for e in range(task["members"])
        ]
        W = np.stack(w).astype(np.float32).reshape(-1, n, m)
        layers.append((torch.from_numpy(W), torch.zeros(task["members"], 1, m)))
        at += (n + 1) * m
    return layers


def rows(task, step):
    e, i = np.arange(task["members"]), np.arange(task["batch"])
    at = (step * 7 + e[:, None]) * task["batch"] + i
    return torch.from_numpy((scatter(at) * N).astype(np.int64))


class Ensemble:
    def __init__(self, variant, task):
        self.variant, self.task = variant, task
        self.X, self.Y = data()
        layers = start(task, 2 * OUT)
        E = task["members"]
        if variant == "loop":
            self.nets = [self.module(layers, e) for e in range(E)]
            self.params = [p for net in self.nets for p in net.parameters()]
        else:
            self.params = [p.requires_grad_() for layer in layers for p in layer]
        self.low = torch.full((E, 1, OUT), -10.0, requires_grad=True)
        self.high = torch.full((E, 1, OUT), 0.5, requires_grad=True)
        self.params += [self.low, self.high]
        self.adam = torch.optim.Adam(
            self.params, lr=1e-3, weight_decay=task["decay"], foreach=True
        )

    def module(self, layers, e):
        parts = []
        for k, (W, _) in enumerate(layers):
            linear = torch.nn.Linear(W.shape[1], W.shape[2])
            linear.weight.data.copy_(W[e].T)
            linear.bias.data.zero_()
            parts += [linear] + ([torch.nn.SiLU()] if k + 1 < len(layers) else [])
        return torch.nn.Sequential(*parts)

    def outputs(self, x):
        if self.variant == "loop":
            return torch.stack([net(x[e]) for e, net in enumerate(self.nets)])
        layers = (len(self.params) - 2) // 2
        for k in range(layers):
            W, b = self.params[2 * k], self.params[2 * k + 1]
            x = torch.baddbmm(b, x, W) if self.variant == "baddbmm" else x.matmul(W) + b
            if k + 1 < layers:
                x = F.silu(x)
        return x

    def step(self, rows):
        out = self.outputs(self.X[rows])
        mean, logvar = out[..., :OUT], out[..., OUT:]
        logvar = self.high - F.softplus(self.high - logvar)
        logvar = self.low + F.softplus(logvar - self.low)
        error = (mean - self.Y[rows]).square() * torch.exp(-logvar) + logvar
        each = 0.5 * error.sum((1, 2)) / self.task["batch"]
        loss = each.sum() + 0.01 * (self.high.sum() - self.low.sum())
        self.adam.zero_grad(set_to_none=False)
        loss.backward()
        self.adam.step()
        return loss / self.task["members"] + 0.5 * OUT * math.log(2 * math.pi)


class Small:
    def __init__(self, variant, task):
        self.X, self.Y = data()
        layers = start(task, OUT)
        if variant == "module":
            parts = []
            for k, (W, _) in enumerate(layers):
                linear = torch.nn.Linear(W.shape[1], W.shape[2])
                linear.weight.data.copy_(W[0].T)
                linear.bias.data.zero_()
                parts += [linear] + ([torch.nn.Tanh()] if k + 1 < len(layers) else [])
            self.net = torch.nn.Sequential(*parts)
            self.params = list(self.net.parameters())
        else:
            self.params = [p[0].clone().requires_grad_() for q in layers for p in q]
            self.net = self.functional
        self.adam = torch.optim.Adam(self.params, lr=1e-3, foreach=True)

    def functional(self, x):
        p = self.params
        for k in range(0, len(p), 2):
            x = torch.addmm(p[k + 1], x, p[k])
            if k + 2 < len(p):
                x = torch.tanh(x)
        return x

    def step(self, rows):
        loss = (self.net(self.X[rows[0]]) - self.Y[rows[0]]).square().mean()
        self.adam.zero_grad(set_to_none=False)
        loss.backward()
        self.adam.step()
        return loss


def threads(name):
    return int(os.environ.get(name, "1"))


def now():
    one = threads("OMP_NUM_THREADS") == 1 == threads("OPENBLAS_NUM_THREADS")
    return time.process_time() if one else time.monotonic()


def run(name, variant):
    task = TASKS[name]
    made = (Ensemble if name == "ensemble" else Small)(variant, task)
    batches = [rows(task, t) for t in range(STEPS + task["steps"])]
    for t in range(STEPS):
        loss = made.step(batches[t])
    best = 0.0
    for _ in range(ROUNDS):
        since = now()
        for t in range(task["steps"]):
            made.step(batches[STEPS + t])
        best = max(best, task["steps"] / (now() - since))
    print(f"loss {loss.item():.9g}")
    print(f"{variant} {best:.6g}")
    return best


def main():
    torch.set_num_threads(threads("OMP_NUM_THREADS"))
    name = sys.argv[1]
    variants = sys.argv[2:] or VARIANTS[name]
    print(f"steps {max(run(name, v) for v in variants):.6g}")


main()

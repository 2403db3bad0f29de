"""The peer of bench_rollout: the same step in PyTorch.

    peer_rollout.py [VARIANT]

Members are drawn by a random permutation cut into equal parts, which is the cheapest way
(every other needs a sort). VARIANT: baddbmm (all members at once), loop (a member at a
time), chunks (a member at a time, 1024 rows at a time, which stay in the cache). Without
one, all are tried in turn and the fastest counts. Threads as OMP_NUM_THREADS says.
"""

import math
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

NO, NU, N, MEMBERS, ROUNDS = 18, 5, 100000, 7, 9
WIDTHS = [NO + NU, 200, 200, 200, 200, 2 * NO]


def scatter(i):
    return (i.astype(np.uint64) * np.uint64(2654435761) % np.uint64(2**32)) / 2.0**32


def layers():
    out, at = [], 0
    for n, m in zip(WIDTHS, WIDTHS[1:]):
        w = [
            (2 * scatter(1000003 * e + at + np.arange(n * m)) - 1) / math.sqrt(n)
            for e in range(MEMBERS)
        ]
        W = np.stack(w).astype(np.float32).reshape(-1, n, m)
        out.append((torch.from_numpy(W), torch.zeros(MEMBERS, 1, m)))
        at += (n + 1) * m
    return out


def states():
    o = (4 * scatter(np.arange(N * NO)) - 2).astype(np.float32).reshape(N, NO)
    u = (2 * scatter(7 * np.arange(N * NU)) - 1).astype(np.float32).reshape(N, NU)
    return torch.from_numpy(o), torch.from_numpy(u)


HIGH, LOW = 0.5, -10.0


def deviation(raw):
    v = HIGH - F.softplus(HIGH - raw)
    v = LOW + F.softplus(v - LOW)
    return torch.exp_(v.mul_(0.5))


def all_members(net, z, o):
    n = z.shape[0] // MEMBERS
    h = z.view(MEMBERS, n, -1)
    for k, (W, b) in enumerate(net):
        h = torch.baddbmm(b, h, W)
        if k + 1 < len(net):
            h = F.silu(h, inplace=True)
    mean, raw = h[..., :NO].reshape(-1, NO), h[..., NO:].reshape(-1, NO)
    return o + mean, deviation(raw)


def by_member(net, z, o, rows):
    n = z.shape[0] // MEMBERS
    mean, std = torch.empty_like(o), torch.empty_like(o)
    for e in range(MEMBERS):
        for first in range(e * n, (e + 1) * n, rows):
            last = min(first + rows, (e + 1) * n)
            h = z[first:last]
            for k, (W, b) in enumerate(net):
                h = torch.addmm(b[e], h, W[e])
                if k + 1 < len(net):
                    h = F.silu(h, inplace=True)
            torch.add(o[first:last], h[:, :NO], out=mean[first:last])
            std[first:last] = deviation(h[:, NO:])
    return mean, std


def step(variant, net, o, u):
    """Rows of the next states in the order of the permutation, as mbrl-lib keeps them."""
    n = -(-N // MEMBERS) * MEMBERS
    which = torch.randperm(N)
    which = torch.cat([which, which[: n - N]])
    o, u = o[which], u[which]
    z = torch.cat([o, u], 1)
    if variant == "baddbmm":
        mean, std = all_members(net, z, o)
    else:
        mean, std = by_member(net, z, o, n if variant == "loop" else 1024)
    noise = torch.randn(n, NO)
    out = torch.empty(N, NO)
    out[which] = torch.addcmul(mean, std, noise)
    return out


def threads(name):
    return int(os.environ.get(name, "1"))


def now():
    one = threads("OMP_NUM_THREADS") == 1 == threads("OPENBLAS_NUM_THREADS")
    return time.process_time() if one else time.monotonic()


def main():
    torch.set_num_threads(threads("OMP_NUM_THREADS"))
    torch.manual_seed(1)
    net, (o, u) = layers(), states()
    variants = sys.argv[1:] or ["baddbmm", "loop", "chunks"]
    best = 0
    with torch.no_grad():
        for variant in variants:
            took = []
            for _ in range(ROUNDS):
                begin = now()
                step(variant, net, o, u)
                took.append(now() - begin)
            rate = N / sorted(took)[ROUNDS // 2]
            print(f"{variant} {rate:.0f}")
            best = max(best, rate)
        n = -(-N // MEMBERS) * MEMBERS
        which = torch.cat([torch.arange(N), torch.arange(n - N)])
        mean, std = all_members(net, torch.cat([o[which], u[which]], 1), o[which])
        print(f"states_per_second {best:.0f}")
        print(f"change {(mean - o[which]).abs().mean().item():.6f}")
        print(f"deviation {std.pow(2).mean().sqrt().item():.6f}")


main()

"""The peers of bench_tabular: the same processes in scipy and numpy.

    peer_tabular.py grid|garnet

The gridworld is swept by the fastest formulation that scipy has, one CSR matrix
per action; the dense one by one matrix-vector product. Workspaces are allocated
once, where the libraries let one.
"""

import statistics
import sys
import time

import numpy as np

SIDE, MOVES, ROUNDS, SUMMED = 1000, 4, 5, 30
GARNET_STATES, GARNET_ACTIONS = 500, 10
GAMMA, SAMPLE_SECONDS = 0.99, 0.25


def scatter(i):
    return (i.astype(np.uint64) * np.uint64(2654435761) % np.uint64(2**32)) / 2.0**32


class Grid:
    def __init__(self):
        from scipy.sparse import csr_matrix

        n = SIDE * SIDE
        s = np.arange(n)
        row, column = s // SIDE, s % SIDE
        to = [
            np.where(row > 0, s - SIDE, s),
            np.where(column < SIDE - 1, s + 1, s),
            np.where(row < SIDE - 1, s + SIDE, s),
            np.where(column > 0, s - 1, s),
        ]
        self.P = []
        for a in range(MOVES):
            ends = np.concatenate([to[a], to[(a + 1) % 4], to[(a + 3) % 4]])
            p = np.repeat([0.8, 0.1, 0.1], n)
            P = csr_matrix((p, (np.tile(s, 3), ends)), shape=(n, n))
            P.sum_duplicates()
            P.sort_indices()
            P.data *= GAMMA
            self.P.append(P)
        self.r = [scatter(s * MOVES + a) for a in range(MOVES)]
        self.V = np.zeros(n)
        self.difference = np.empty(n)

    def sweep(self):
        best = self.P[0] @ self.V
        best += self.r[0]
        for P, r in zip(self.P[1:], self.r[1:]):
            Q = P @ self.V
            Q += r
            np.maximum(best, Q, out=best)
        np.subtract(best, self.V, out=self.difference)
        np.abs(self.difference, out=self.difference)
        self.V = best
        return self.difference.max()


class Garnet:
    def __init__(self):
        nS, nA = GARNET_STATES, GARNET_ACTIONS
        P = 1e-3 + scatter(np.arange(nS * nA * nS)).reshape(nS * nA, nS)
        self.P = P / P.sum(axis=1, keepdims=True)
        self.r = scatter(np.arange(nS * nA))
        self.V = np.zeros(nS)
        self.Q = np.empty(nS * nA)

    def sweep(self):
        np.dot(self.P, self.V, out=self.Q)
        self.Q *= GAMMA
        self.Q += self.r
        V = self.Q.reshape(GARNET_STATES, GARNET_ACTIONS).max(axis=1)
        residual = np.abs(V - self.V).max()
        self.V = V
        return residual


def rate(process):
    start, n = time.perf_counter(), 0
    while time.perf_counter() - start < SAMPLE_SECONDS:
        process.sweep()
        n += 1
    return n / (time.perf_counter() - start)


def main():
    name = sys.argv[1]
    process = {"grid": Grid, "garnet": Garnet}[name]()
    for _ in range(SUMMED):
        process.sweep()
    print(f"{name}_sum {process.V.sum():.17g}")
    print(f"{name} {statistics.median(rate(process) for _ in range(ROUNDS)):.5g}")


if __name__ == "__main__":
    main()

"""The peer of bench_hmm: the same chain by scaled passes in numpy.

    peer_hmm.py STATES

A loop over time with one matrix-vector product a step, and one product of
matrices for the expected transitions. Workspaces are allocated once.
"""

import statistics
import sys
import time

import numpy as np

T, ROUNDS = 10000, 7


def scatter(i):
    return (i.astype(np.uint64) * np.uint64(2654435761) % np.uint64(2**32)) / 2.0**32


def main(K):
    start = 0.01 + scatter(7 + np.arange(K))
    start /= start.sum()
    A = 0.01 + scatter(np.arange(K * K)).reshape(K, K)
    A /= A.sum(axis=1, keepdims=True)
    logs = -5 * scatter(3 * np.arange(T * K) + 1).reshape(T, K)

    alpha, gamma, W = np.empty((T, K)), np.empty((T, K)), np.empty((T, K))
    c = np.empty(T)
    At = np.ascontiguousarray(A.T)

    def passes():
        largest = logs.max(axis=1)
        b = np.exp(logs - largest[:, None])
        a = start * b[0]
        for t in range(T):
            if t:
                a = alpha[t - 1] @ A
                a *= b[t]
            s = a.sum()
            c[t] = s
            np.divide(a, s, out=alpha[t])
        b /= c[:, None]
        beta = np.ones(K)
        for t in range(T - 1, 0, -1):
            np.multiply(alpha[t], beta, out=gamma[t])
            w = W[t]
            np.multiply(b[t], beta, out=w)
            beta = w @ At
        np.multiply(alpha[0], beta, out=gamma[0])
        counts = A * (alpha[:-1].T @ W[1:])
        return np.log(c).sum() + largest.sum(), counts

    passes()
    ms = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        loglik, counts = passes()
        ms.append(1e3 * (time.perf_counter() - begin))
    print(f"ms {statistics.median(ms):.4f}")
    print(f"loglik {loglik:.17g}")
    print(f"count {counts[0, 1]:.17g}")


main(int(sys.argv[1]))

"""The peers of bench_kalman: the same data in numpy, and BayesPy's chain.

    peer_kalman.py em|vb NX

em: the Kalman filter, the smoother and the M-step of A, C, Q, R, m0, P0; loops over
time, products and solves in LAPACK, sums of moments over whole arrays.
vb: BayesPy's linear state-space model (its example: Gaussian Markov chain, loadings
and dynamics with automatic relevance), one update of every node.
"""

import statistics
import sys
import time

import numpy as np

T, ROUNDS = 1000, 9


def scatter(i):
    return (i.astype(np.uint64) * np.uint64(2654435761) % np.uint64(2**32)) / 2.0**32


def noise(i):
    return scatter(12 * i[..., None] + np.arange(12)).sum(-1) - 6


def problem(nx, ny):
    A = np.diag(0.9 - 0.6 * np.arange(nx) / nx) + 0.1 * np.eye(nx, k=1)
    C = scatter(np.arange(ny * nx)).reshape(ny, nx) - 0.5
    x, Y = np.zeros(nx), np.empty((T, ny))
    for t in range(T):
        Y[t] = C @ x + noise((2 * t + 1) * nx + np.arange(ny))
        x = A @ x + noise(2 * t * nx + np.arange(nx))
    return A, C, Y


class EM:
    def __init__(self, nx, ny):
        self.A, self.C, self.Y = problem(nx, ny)
        self.Q, self.R, self.P0 = np.eye(nx), np.eye(ny), np.eye(nx)
        self.m0 = np.zeros(nx)
        self.mp, self.m = np.empty((T, nx)), np.empty((T, nx))
        self.Pp, self.P = np.empty((T, nx, nx)), np.empty((T, nx, nx))
        self.Ps, self.J = np.empty((T, nx, nx)), np.empty((T, nx, nx))
        self.YY = self.Y.T @ self.Y

    def filter(self):
        A, C, Q, R, Y = self.A, self.C, self.Q, self.R, self.Y
        m, P, total = self.m0, self.P0, 0.0
        for t in range(T):
            self.mp[t], self.Pp[t] = m, P
            CP = C @ P
            S = CP @ C.T + R
            e = Y[t] - C @ m
            L = np.linalg.cholesky(S)
            K = np.linalg.solve(S, CP).T
            total -= np.log(L.diagonal()).sum() + 0.5 * e @ np.linalg.solve(S, e)
            m, P = m + K @ e, P - K @ CP
            self.m[t], self.P[t] = m, P
            m, P = A @ m, A @ P @ A.T + Q
        return total - 0.5 * Y.size * np.log(2 * np.pi)

    def smooth(self):
        A, m, Ps = self.A, self.m, self.Ps
        Ps[-1] = self.P[-1]
        for t in range(T - 2, -1, -1):
            P, Pp = self.P[t], self.Pp[t + 1]
            J = np.linalg.solve(Pp, A @ P).T
            self.J[t] = J
            m[t] += J @ (m[t + 1] - self.mp[t + 1])
            Ps[t] = P + J @ (Ps[t + 1] - Pp) @ J.T

    def iterate(self):
        loglik = self.filter()
        self.smooth()
        m, Ps = self.m, self.Ps
        cross = m[1:].T @ m[:-1] + np.einsum("tij,tkj->ik", Ps[1:], self.J[:-1])
        middle = m[1:-1].T @ m[1:-1] + Ps[1:-1].sum(0)
        first = np.outer(m[0], m[0]) + Ps[0]
        last = np.outer(m[-1], m[-1]) + Ps[-1]
        yx = self.Y.T @ m
        self.A = np.linalg.solve(first + middle, cross.T).T
        self.Q = (middle + last - self.A @ cross.T) / (T - 1)
        self.C = np.linalg.solve(first + middle + last, yx.T).T
        self.R = (self.YY - self.C @ yx.T) / T
        self.Q, self.R = (self.Q + self.Q.T) / 2, (self.R + self.R.T) / 2
        self.m0, self.P0 = m[0].copy(), Ps[0].copy()
        return loglik


class VB:
    def __init__(self, nx, ny):
        from bayespy.inference import VB as Engine
        from bayespy.nodes import Gamma, GaussianARD, GaussianMarkovChain, SumMultiply

        Y = problem(nx, ny)[2]
        alpha = Gamma(1e-5, 1e-5, plates=(nx,))
        A = GaussianARD(0, alpha, shape=(nx,), plates=(nx,))
        A.initialize_from_value(np.identity(nx))
        X = GaussianMarkovChain(
            np.zeros(nx), 1e-3 * np.identity(nx), A, np.ones(nx), n=T
        )
        gamma = Gamma(1e-5, 1e-5, plates=(nx,))
        C = GaussianARD(0, gamma, shape=(nx,), plates=(ny, 1))
        C.initialize_from_random()
        F = SumMultiply("i,i", C, X)
        tau = Gamma(1e-5, 1e-5)
        observed = GaussianARD(F, tau)
        observed.observe(Y.T)
        self.Q = Engine(X, C, gamma, A, alpha, tau, observed)

    def iterate(self):
        self.Q.update(repeat=1, verbose=False)
        return self.Q.L[self.Q.iter - 1]


def main():
    kind, nx = sys.argv[1], int(sys.argv[2])
    x = (EM if kind == "em" else VB)(nx, nx // 2)
    ms = []
    for _ in range(ROUNDS):
        start = time.process_time()
        bound = x.iterate()
        ms.append(1e3 * (time.process_time() - start))
    print("%s %.5g" % (kind, statistics.median(ms)))
    print("loglik %.17g" % -bound)


main()

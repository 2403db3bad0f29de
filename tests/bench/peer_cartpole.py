"""The peers of bench_cartpole: a bare Python function, and numpy on 4096 worlds."""

import math
import time

import numpy as np

MANY, STARTS, PERIOD, ROUNDS, SUMMED, SAMPLE_SECONDS = 4096, 16, 4, 5, 1000, 0.2
GRAVITY, POLE, TOTAL, HALF, PUSH, DT = 9.8, 0.1, 1.1, 0.5, 10.0, 0.02
TRACK, LEAN = 2.4, 12 * 2 * math.pi / 360


def scatter(i):
    return (i.astype(np.uint64) * np.uint64(2654435761) % np.uint64(2**32)) / 2.0**32


def worlds(n):
    start = 0.1 * scatter(np.arange(4 * STARTS)).reshape(STARTS, 4) - 0.05
    start = np.ascontiguousarray(start[np.arange(n) % STARTS].T)
    actions = (scatter(np.arange(PERIOD * n) + 77) >= 0.5).reshape(PERIOD, n)
    return start, actions


def step(x, speed, theta, omega, action):
    force = PUSH if action == 1 else -PUSH
    c, s = math.cos(theta), math.sin(theta)
    f = (force + POLE * HALF * omega * omega * s) / TOTAL
    alpha = (GRAVITY * s - c * f) / (HALF * (4.0 / 3.0 - POLE * c * c / TOTAL))
    a = f - POLE * HALF * alpha * c / TOTAL
    x, speed = x + DT * speed, speed + DT * a
    theta, omega = theta + DT * omega, omega + DT * alpha
    lost = x < -TRACK or x > TRACK or theta < -LEAN or theta > LEAN
    return x, speed, theta, omega, 1.0, lost


def run_one(start, actions, steps):
    x = tuple(start)
    for t in range(steps):
        a, b, c, d, reward, lost = step(*x, actions[t % PERIOD])
        x = tuple(start) if lost else (a, b, c, d)
    return sum(abs(y) for y in x)


def run_many(start, forces, steps):
    x, speed, theta, omega = start.copy()
    reward = np.ones(x.size)
    for t in range(steps):
        c, s = np.cos(theta), np.sin(theta)
        f = (forces[t % PERIOD] + POLE * HALF * omega * omega * s) / TOTAL
        alpha = (GRAVITY * s - c * f) / (HALF * (4.0 / 3.0 - POLE * c * c / TOTAL))
        a = f - POLE * HALF * alpha * c / TOTAL
        x += DT * speed
        speed += DT * a
        theta += DT * omega
        omega += DT * alpha
        lost = np.flatnonzero((np.abs(x) > TRACK) | (np.abs(theta) > LEAN))
        if lost.size:
            for y, first in zip((x, speed, theta, omega), start):
                y[lost] = first[lost]
    return sum(np.abs(y).sum() for y in (x, speed, theta, omega))


def report(name, n, run):
    best, total = 0.0, 0.0
    for _ in range(ROUNDS):
        begin, steps = time.process_time(), 0
        while time.process_time() - begin < SAMPLE_SECONDS:
            total = run(SUMMED)
            steps += SUMMED
        best = max(best, steps * n / (time.process_time() - begin))
    print(f"{name}_rate {best!r}\n{name}_sum {float(total)!r}")


start, actions = worlds(1)
one, choices = start[:, 0].tolist(), actions[:, 0].astype(int).tolist()
report("one", 1, lambda steps: run_one(one, choices, steps))
start, actions = worlds(MANY)
forces = np.where(actions, PUSH, -PUSH)
report("many", MANY, lambda steps: run_many(start, forces, steps))

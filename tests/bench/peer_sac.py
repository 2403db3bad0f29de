"""Updates a second of soft actor-critic in PyTorch: what bench_sac.c times.

    peer_sac.py

Two critics and a policy of 256 x 256, batches of 256 of 10 000 transitions that stand
as tensors, 17 observations, 6 actions, Adam, a tuned temperature, one target step an
update. Adam and the target step are over lists of tensors (foreach), gradients are
dropped rather than cleared, and the critics are frozen while the policy's gradient is
taken: the fastest of the variants tried.
"""
import math
import os
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
torch.manual_seed(1)
NO, NU, ROWS, BATCH, WIDTH = 17, 6, 10000, 256, 256
WARM, UPDATES, ROUNDS = 10, 30, 7
GAMMA, TAU = 0.99, 0.005


def net(inputs, outputs):
    return torch.nn.Sequential(
        torch.nn.Linear(inputs, WIDTH), torch.nn.ReLU(),
        torch.nn.Linear(WIDTH, WIDTH), torch.nn.ReLU(),
        torch.nn.Linear(WIDTH, outputs))


actor = net(NO, 2 * NU)
critics = [net(NO + NU, 1) for _ in range(2)]
targets = [net(NO + NU, 1) for _ in range(2)]
for a, b in zip(targets, critics):
    a.load_state_dict(b.state_dict())
log_alpha = torch.zeros(1, requires_grad=True)
critic_list = [p for c in critics for p in c.parameters()]
target_list = [p for c in targets for p in c.parameters()]
for p in target_list:
    p.requires_grad_(False)
actor_adam = torch.optim.Adam(actor.parameters(), lr=3e-4, foreach=True)
critic_adam = torch.optim.Adam(critic_list, lr=3e-4, foreach=True)
alpha_adam = torch.optim.Adam([log_alpha], lr=3e-4)

o = torch.rand(ROWS, NO) * 2 - 1
u = torch.rand(ROWS, NU) * 2 - 1
r = torch.rand(ROWS, 1)
after = torch.rand(ROWS, NO) * 2 - 1
going = torch.ones(ROWS, 1)
going[99::100] = 0


def act(x):
    m, s = actor(x).chunk(2, dim=1)
    s = s.clamp(-20, 2)
    e = torch.randn_like(m)
    z = m + s.exp() * e
    logpi = (-0.5 * e * e - s - 0.5 * math.log(2 * math.pi)
             - 2 * (math.log(2) - z - F.softplus(-2 * z))).sum(1, keepdim=True)
    return torch.tanh(z), logpi


def update():
    i = torch.randint(ROWS, (BATCH,))
    bo, bu, br, bn, bg = o[i], u[i], r[i], after[i], going[i]
    with torch.no_grad():
        v, logpi = act(bn)
        x = torch.cat([bn, v], 1)
        q = torch.min(targets[0](x), targets[1](x)) - log_alpha.exp() * logpi
        y = br + GAMMA * bg * q
    x = torch.cat([bo, bu], 1)
    loss = 0.5 * (F.mse_loss(critics[0](x), y) + F.mse_loss(critics[1](x), y))
    critic_adam.zero_grad(set_to_none=True)
    loss.backward()
    critic_adam.step()
    for p in critic_list:
        p.requires_grad_(False)
    v, logpi = act(bo)
    x = torch.cat([bo, v], 1)
    q = torch.min(critics[0](x), critics[1](x))
    loss = (log_alpha.detach().exp() * logpi - q).mean()
    actor_adam.zero_grad(set_to_none=True)
    loss.backward()
    actor_adam.step()
    for p in critic_list:
        p.requires_grad_(True)
    loss = -(log_alpha.exp() * (logpi.detach() - NU)).mean()
    alpha_adam.zero_grad(set_to_none=True)
    loss.backward()
    alpha_adam.step()
    with torch.no_grad():
        torch._foreach_mul_(target_list, 1 - TAU)
        torch._foreach_add_(target_list, critic_list, alpha=TAU)


for _ in range(WARM):
    update()
rates = []
for _ in range(ROUNDS):
    begin = time.perf_counter()
    for _ in range(UPDATES):
        update()
    rates.append(UPDATES / (time.perf_counter() - begin))
print("sac_updates %.4f" % sorted(rates)[ROUNDS // 2])

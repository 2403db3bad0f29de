#include "tests/network_cases.h"

#include <math.h>

#include "tests/task_cases.h"

double *network_draw(const elbo_mlp *mlp, uint64_t seed, elbo_arena *arena)
{
    const size_t n = elbo_mlp_size(mlp);
    double *const theta = elbo_arena_doubles(arena, n);
    elbo_rng rng = elbo_rng_stream(seed, "network", 0);

    ck_assert(elbo_arena_ok(arena));
    elbo_rng_normals(&rng, theta, n);
    for (size_t i = 0; i < n; i++) theta[i] *= 0.6;
    return theta;
}

static double loss_at(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                      elbo_tape *tape, elbo_node loss, const double theta[])
{
    double out;

    elbo_mlp_set(mlp, leaves, tape, theta);
    elbo_tape_forward(tape);
    elbo_tape_get(tape, loss, &out);
    return out;
}

/* The gradient in double, laid out as theta. */
static void gradient_of(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                        const elbo_tape *tape, double out[])
{
    for (size_t l = 0; l < mlp->layers; l++) {
        elbo_tape_gradient(tape, leaves->W[l], out);
        out += mlp->width[l] * mlp->width[l + 1];
        elbo_tape_gradient(tape, leaves->b[l], out);
        out += mlp->width[l + 1];
    }
}

void network_check_gradient(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                            elbo_tape *tape, elbo_node loss, double theta[],
                            double tolerance)
{
    static const double step = 1e-5;
    const size_t n = elbo_mlp_size(mlp);
    elbo_arena *const ws = elbo_arena_alloc(1 << 14);
    double *const slope = elbo_arena_doubles(ws, n);
    double largest = 0;

    loss_at(mlp, leaves, tape, loss, theta);
    elbo_tape_backward(tape, loss);
    gradient_of(mlp, leaves, tape, slope);
    for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs(slope[i]));
    ck_assert(largest > 0);
    for (size_t i = 0; i < n; i++) {
        const double old = theta[i];

        theta[i] = old + step;
        const double above = loss_at(mlp, leaves, tape, loss, theta);

        theta[i] = old - step;
        const double below = loss_at(mlp, leaves, tape, loss, theta);

        theta[i] = old;
        ck_assert_msg(fabs((above - below) / (2 * step) - slope[i])
                          <= tolerance * (1 + largest),
                      "parameter %zu: %.12g, differences %.12g", i, slope[i],
                      (above - below) / (2 * step));
    }
    elbo_arena_free(ws);
}

void network_fill(const elbo_task_world *world, size_t steps, size_t limit,
                  uint64_t seed, elbo_replay *replay, elbo_arena *arena)
{
    elbo_rng rng = elbo_rng_stream(seed, "fill", 0);
    double x[TASK_MOST], next[TASK_MOST], a[TASK_MOST];
    float o[TASK_MOST], u[TASK_MOST], after[TASK_MOST];
    uint32_t step = 0, episode = 0;

    ck_assert_int_eq(
        elbo_replay_init(replay, world->no, world->nu, steps, arena), ELBO_OK);
    world->task->reset(world->self, 1, &rng, x);
    for (size_t t = 0; t < steps; t++) {
        uint8_t end;

        task_act(world, 1, &rng, a);
        elbo_task_rows(world, 1, a, u);

        const double r = task_step(world, x, a, &rng, next, &end);

        world->task->observe(world->self, 1, x, &rng, o);
        world->task->observe(world->self, 1, next, &rng, after);

        const elbo_replay_row row = {.o = o,
                                     .u = u,
                                     .next = after,
                                     .reward = (float)r,
                                     .end = end,
                                     .step = step,
                                     .episode = episode};

        ck_assert_int_eq(elbo_replay_push(replay, &row), ELBO_OK);
        for (size_t i = 0; i < world->nx; i++) x[i] = next[i];
        if (end || ++step == limit) {
            world->task->reset(world->self, 1, &rng, x);
            step = 0;
            episode++;
        }
    }
}

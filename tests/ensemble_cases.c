#include "tests/ensemble_cases.h"

#include <math.h>
#include <string.h>

elbo_arena *ensemble_arena, *ensemble_ws;

void ensemble_set_up(void)
{
    ensemble_arena = elbo_arena_alloc(1 << 16);
    ensemble_ws = elbo_arena_alloc(1 << 16);
    ck_assert_ptr_nonnull(ensemble_arena);
    ck_assert_ptr_nonnull(ensemble_ws);
}

void ensemble_tear_down(void)
{
    elbo_arena_free(ensemble_arena);
    elbo_arena_free(ensemble_ws);
}

static void reward(const void *self, size_t n, const float o[], const float u[],
                   const float next[], float out[])
{
    (void)self, (void)o;
    for (size_t i = 0; i < n; i++) out[i] = next[2 * i] - u[i] * u[i];
}

static void terminal(const void *self, size_t n, const float o[],
                     const float u[], const float next[], uint8_t end[])
{
    (void)self, (void)o, (void)u;
    for (size_t i = 0; i < n; i++) end[i] = next[2 * i] > 2;
}

static elbo_node reward_node(const void *self, elbo_tape *tape, elbo_node o,
                             elbo_node u, elbo_node next)
{
    (void)self, (void)o;
    return elbo_tape_binary(tape, ELBO_SUB, elbo_tape_columns(tape, next, 0, 1),
                            elbo_tape_unary(tape, ELBO_SQ, u));
}

elbo_task_world ensemble_world(void)
{
    static const double low[] = {-1}, high[] = {1};
    static const elbo_task task = {
        .reward = reward, .terminal = terminal, .reward_node = reward_node};

    return (elbo_task_world){.task = &task,
                             .nx = 2,
                             .no = 2,
                             .na = 1,
                             .nu = 1,
                             .low = low,
                             .high = high};
}

elbo_task_world ensemble_mute_world(size_t no, size_t nu)
{
    static const double low[] = {-1, -1, -1, -1}, high[] = {1, 1, 1, 1};
    static const elbo_task task = {0};

    return (elbo_task_world){.task = &task,
                             .nx = no,
                             .no = no,
                             .na = nu,
                             .nu = nu,
                             .low = low,
                             .high = high};
}

elbo_replay ensemble_rows(size_t n, double noise, uint64_t seed)
{
    const elbo_task_world world = ensemble_world();
    elbo_rng rng = elbo_rng_stream(seed, "rows", 0);
    elbo_replay data;

    ck_assert_int_eq(elbo_replay_init(&data, 2, 1, n ? n : 1, ensemble_arena),
                     ELBO_OK);
    for (size_t i = 0; i < n; i++) {
        double e[4];

        elbo_rng_normals(&rng, e, 4);

        const double u = 2 * elbo_rng_uniform(&rng) - 1;
        const float o[] = {(float)e[0], (float)e[1]}, a[] = {(float)u};
        const float next[] = {
            (float)(e[0] + 0.3 * e[1] + noise * e[2]),
            (float)(e[1] - 0.5 * sin(e[0]) + 0.8 * u + noise * e[3])};
        elbo_replay_row row = {
            .o = o, .u = a, .next = next, .step = (uint32_t)i};
        uint8_t end;

        world.task->reward(NULL, 1, o, a, next, &row.reward);
        world.task->terminal(NULL, 1, o, a, next, &end);
        row.end = end;
        ck_assert_int_eq(elbo_replay_push(&data, &row), ELBO_OK);
    }
    return data;
}

elbo_replay ensemble_mute_rows(size_t n, size_t no, size_t nu)
{
    elbo_replay data;

    ck_assert_int_eq(elbo_replay_init(&data, no, nu, n, ensemble_arena),
                     ELBO_OK);
    return data;
}

void ensemble_push(elbo_replay *data, const float o[], const float u[],
                   const float next[])
{
    const elbo_replay_row row = {.o = o, .u = u, .next = next};

    ck_assert_int_eq(elbo_replay_push(data, &row), ELBO_OK);
}

elbo_status ensemble_try_open(const elbo_model *model, const char *settings,
                              const elbo_task_world *world, uint64_t seed,
                              elbo_task_belief *out)
{
    elbo_values values;

    ELBO_TRY(elbo_values_init(&values, model->options, ensemble_arena));
    ELBO_TRY(elbo_values_parse(&values, settings));
    return model->task->open(&values, world, seed, ensemble_arena, out);
}

elbo_task_belief ensemble_open(const elbo_model *model, const char *settings,
                               const elbo_task_world *world, uint64_t seed)
{
    elbo_task_belief belief;
    const elbo_status s =
        ensemble_try_open(model, settings, world, seed, &belief);

    ck_assert_msg(s == ELBO_OK, "%s: %s", settings, elbo_last_error()->text);
    return belief;
}

elbo_task_mstep ensemble_mstep(const elbo_replay *data)
{
    return (elbo_task_mstep){.data = data, .scale = 1, .seed = 3};
}

elbo_task_fit ensemble_fit(elbo_task_belief *belief, const elbo_replay *data)
{
    const elbo_task_mstep mstep = ensemble_mstep(data);
    elbo_task_fit info;
    const elbo_status s =
        belief->model->fit(belief, &mstep, &info, ensemble_ws);

    ck_assert_msg(s == ELBO_OK, "%s", elbo_last_error()->text);
    return info;
}

ensemble_draws ensemble_draw_first(const elbo_task_belief *belief,
                                   const elbo_replay *data, size_t n)
{
    const size_t no = data->no, nu = data->nu;
    float *const o = elbo_arena_take(ensemble_arena, no * n, sizeof *o);
    float *const u = elbo_arena_take(ensemble_arena, nu * n, sizeof *u);
    uint32_t *const member = elbo_arena_u32(ensemble_arena, n);
    elbo_rng *const rng = elbo_arena_take(ensemble_arena, n, sizeof *rng);
    const ensemble_draws x = {
        .next = elbo_arena_take(ensemble_arena, no * n, sizeof *x.next),
        .reward = elbo_arena_take(ensemble_arena, n, sizeof *x.reward),
        .end = elbo_arena_take(ensemble_arena, n, 1)};

    ck_assert(elbo_arena_ok(ensemble_arena));
    for (size_t i = 0; i < n; i++) {
        memcpy(o + no * i, data->o, no * sizeof *o);
        memcpy(u + nu * i, data->u, nu * sizeof *u);
        rng[i] = elbo_rng_stream(1, "draw", i);
    }
    ck_assert_int_eq(belief->model->draw(belief, n, o, u, member, rng, false, x.next,
                                         x.reward, x.end, ensemble_ws),
                     ELBO_OK);
    return x;
}

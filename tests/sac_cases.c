#include "tests/sac_cases.h"

#include <omp.h>
#include <string.h>

learning learning_make(size_t no, size_t nu, bool choices, size_t capacity)
{
    static const double low[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
    static const double high[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    learning l = {.arena = elbo_arena_alloc(1 << 16),
                  .ws = elbo_arena_alloc(1 << 16)};

    ck_assert(nu <= 8);
    l.threads = omp_get_max_threads();
    omp_set_num_threads(1);
    l.world = (elbo_task_world){.nx = no,
                                .no = no,
                                .na = choices ? 1 : nu,
                                .choices = choices ? nu : 0,
                                .nu = nu,
                                .low = choices ? NULL : low,
                                .high = choices ? NULL : high};
    ck_assert_int_eq(elbo_replay_init(&l.data, no, nu, capacity, l.arena),
                     ELBO_OK);
    l.problem =
        (elbo_task_problem){.gamma = 0.9, .temperature = 0.385, .seed = 2385};
    return l;
}

elbo_status learning_try_open(learning *l, const char *control,
                              const char *settings)
{
    const elbo_control *const c = elbo_control_find(control);
    elbo_values values;

    ck_assert_ptr_nonnull(c);
    l->problem.world = &l->world;
    l->task = c->task;
    ck_assert_int_eq(elbo_values_init(&values, c->options, l->arena), ELBO_OK);
    ck_assert_int_eq(elbo_values_parse(&values, settings), ELBO_OK);
    return l->task->open(&values, &l->problem, l->arena, &l->self);
}

void learning_open(learning *l, const char *control, const char *settings)
{
    ck_assert_msg(learning_try_open(l, control, settings) == ELBO_OK, "%s: %s",
                  control, elbo_last_error()->text);
}

void learning_push(learning *l, const float o[], const float u[], double reward,
                   const float next[], bool end)
{
    const elbo_replay_row row = {
        .o = o, .u = u, .next = next, .reward = (float)reward, .end = end};

    ck_assert_int_eq(elbo_replay_push(&l->data, &row), ELBO_OK);
}

void learning_fill(learning *l, size_t rows, uint64_t seed)
{
    elbo_rng rng = elbo_rng_stream(seed, "rows", 0);
    float o[16], next[16], u[8] = {0};

    ck_assert(l->world.no <= 16);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < l->world.no; j++) {
            o[j] = (float)(2 * elbo_rng_uniform(&rng) - 1);
            next[j] = (float)(2 * elbo_rng_uniform(&rng) - 1);
        }
        for (size_t j = 0; j < l->world.nu; j++)
            u[j] =
                l->world.choices ? 0 : (float)(2 * elbo_rng_uniform(&rng) - 1);
        if (l->world.choices) u[elbo_rng_below(&rng, l->world.nu)] = 1;
        learning_push(l, o, u, 2 * elbo_rng_uniform(&rng) - 1, next,
                      i % 5 == 3);
    }
}

elbo_status learning_improve(learning *l, size_t updates)
{
    const elbo_task_estep estep = {
        .data = &l->data, .real = 1, .updates = updates};

    return l->task->improve(l->self, &estep, l->ws);
}

void learning_free(learning *l)
{
    omp_set_num_threads(l->threads);
    elbo_arena_free(l->arena);
    elbo_arena_free(l->ws);
}

void learning_save(const learning *l, const char *path)
{
    elbo_writer *const out = elbo_writer_alloc();

    elbo_writer_section(out, "control");
    l->task->save(l->self, out);
    ck_assert_int_eq(elbo_writer_commit(out, path), ELBO_OK);
    elbo_writer_free(out);
}

elbo_status learning_load(learning *l, const char *path)
{
    elbo_reader *in;

    ck_assert_int_eq(elbo_reader_open(path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "control"), ELBO_OK);

    const elbo_status status = l->task->load(l->self, in);

    elbo_reader_free(in);
    return status;
}

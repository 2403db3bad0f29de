/* tests/bench/bench_networks.c -- training steps of networks a second.
 *
 *   bench_networks ensemble
 *       7 members of 23-200-200-200-200-36, SiLU, Gaussian likelihood with
 * learnt bounds of its log-variance, a batch of 256 of its own for each member,
 *       weight decay
 *
 *   bench_networks small
 *       23-64-64-18, tanh, batch 32, squared error
 *
 *   bench_networks sgemm
 *       GFLOP/s of the BLAS at n = 1024, a call a thread
 *
 * OMP_NUM_THREADS threads over members; the fastest of ROUNDS rounds, by the
 * wall. Parameters, data and batches are those of peer_networks.py; `loss`
 * (after STEPS steps, from the same start) tells that both train the same
 * thing.
 */
#include <gsl/gsl_cblas.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inference/core/linalg.h"
#include "inference/core/parallel.h"
#include "inference/networks/adam.h"
#include "inference/networks/heads.h"
#include "inference/networks/mlp.h"

enum {
    THREADS = 64,
    IN = 23,
    OUT = 18,
    N = 5000,
    MOST = 7,
    STEPS = 20,
    ROUNDS = 7
};

/* What is trained. */
typedef struct task {
    const char *name;
    size_t members, hidden, width, batch, steps; /* of a round */
    elbo_activation f;
    bool gaussian;
    double decay;
} task;

static const task tasks[] = {
    {"ensemble", 7, 4, 200, 256, 12,   ELBO_ACT_SILU, true,  1e-5},
    {"small",    1, 2, 64,  32,  2000, ELBO_ACT_TANH, false, 0   },
};

typedef struct member {
    elbo_adam adam;
    float *theta, *decay;
    size_t number, step;
    double loss;
} member;

/* What a thread works with, whichever member it steps: seven tapes in turn
 * would not stay in its cache. */
typedef struct worker {
    elbo_tape *tape;
    elbo_node x, y, loss, bounds[2];
    elbo_mlp_leaves leaves;
    float *grad, *rows_x, *rows_y;
} worker;

typedef struct bench {
    const task *t;
    elbo_mlp mlp;
    float *X, *Y; /* [N x IN], [N x OUT] */
    member members[MOST];
    worker workers[THREADS];
    size_t until, n; /* steps; parameters of a member */
} bench;

static void need(bool ok)
{
    if (ok) return;
    fprintf(stderr, "bench_networks: %s\n", elbo_last_error()->text);
    exit(EXIT_FAILURE);
}

/* Of one thread the processor's time, which a busy machine does not stretch. */
static double now(void)
{
    const bool one = omp_get_max_threads() == 1;
    struct timespec t;

    clock_gettime(one ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A number in [0, 1) from a counter: the same in C and in numpy. */
static double scatter(size_t i)
{
    return (double)((i * 2654435761u) % 4294967296u) / 4294967296.0;
}

static void make_data(bench *b)
{
    for (size_t i = 0; i < N * IN; i++) b->X[i] = (float)(4 * scatter(i) - 2);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < OUT; j++)
            b->Y[i * OUT + j] =
                b->X[i * IN + j] * b->X[i * IN + j + 5]
                + (float)(0.2 * scatter(N * IN + i * OUT + j) - 0.1);
}

static void start_theta(const bench *b, member *m)
{
    float *w = m->theta;

    for (size_t l = 0; l < b->mlp.layers; l++) {
        const size_t in = b->mlp.width[l], out = b->mlp.width[l + 1];
        const double bound = 1 / sqrt((double)in);
        const size_t from = 1000003 * m->number + (size_t)(w - m->theta);

        for (size_t i = 0; i < in * out; i++)
            w[i] = (float)(bound * (2 * scatter(from + i) - 1));
        w += (in + 1) * out;
    }
    for (size_t j = 0; b->t->gaussian && j < OUT; j++) {
        w[j] = -10;
        w[OUT + j] = 0.5F;
    }
}

/* -mean log N + 0.01 (sum high - sum low), without the density's constant. */
static elbo_node gaussian_loss(elbo_tape *t, elbo_node out, elbo_node y,
                               const elbo_node bounds[2], double batch)
{
    const elbo_node logvar = elbo_head_bound(
        t, elbo_tape_columns(t, out, OUT, OUT), bounds[0], bounds[1]);
    const elbo_node logp =
        elbo_head_gaussian(t, y, elbo_tape_columns(t, out, 0, OUT), logvar);
    const elbo_node width = elbo_tape_sum(
        t, elbo_tape_binary(t, ELBO_SUB, bounds[1], bounds[0]), ELBO_ALL);

    return elbo_tape_binary(
        t, ELBO_ADD,
        elbo_tape_scale(t, elbo_tape_sum(t, logp, ELBO_ALL), -1 / batch),
        elbo_tape_scale(t, width, 0.01));
}

static elbo_node squared_loss(elbo_tape *t, elbo_node out, elbo_node y,
                              double batch)
{
    const elbo_node error = elbo_tape_binary(t, ELBO_SUB, out, y);

    return elbo_tape_scale(
        t, elbo_tape_sum(t, elbo_tape_unary(t, ELBO_SQ, error), ELBO_ALL),
        1 / (batch * OUT));
}

static void open_member(bench *b, size_t number, elbo_arena *arena)
{
    member *m = &b->members[number];
    const elbo_adam_config config = elbo_adam_defaults;

    *m = (member){.number = number};
    m->theta = elbo_arena_take(arena, b->n, sizeof *m->theta);
    m->decay = elbo_arena_take(arena, b->n, sizeof *m->decay);
    elbo_adam_init(&m->adam, &config, b->n, arena);
    need(elbo_arena_ok(arena));
    for (size_t i = 0; i < b->n; i++) m->decay[i] = (float)b->t->decay;
    start_theta(b, m);
}

static void open_worker(bench *b, worker *w, elbo_arena *arena)
{
    const task *t = b->t;
    const size_t size = elbo_mlp_size(&b->mlp);
    elbo_tape *tape = elbo_tape_alloc(ELBO_F32);

    *w = (worker){.tape = tape};
    w->grad = elbo_arena_take(arena, b->n, sizeof *w->grad);
    w->rows_x = elbo_arena_take(arena, t->batch * IN, sizeof *w->rows_x);
    w->rows_y = elbo_arena_take(arena, t->batch * OUT, sizeof *w->rows_y);
    need(tape && elbo_arena_ok(arena));
    w->x = elbo_tape_constant(tape, t->batch, IN);
    w->y = elbo_tape_constant(tape, t->batch, OUT);
    w->leaves = elbo_mlp_leaf(&b->mlp, tape, true);
    for (size_t k = 0; t->gaussian && k < 2; k++) {
        w->bounds[k] = elbo_tape_input(tape, 1, OUT);
        elbo_tape_point_adjoint_f32(tape, w->bounds[k],
                                    w->grad + size + k * OUT);
    }

    const elbo_node out = elbo_mlp_node(&b->mlp, &w->leaves, tape, w->x);

    w->loss = t->gaussian
                  ? gaussian_loss(tape, out, w->y, w->bounds, (double)t->batch)
                  : squared_loss(tape, out, w->y, (double)t->batch);
    elbo_tape_point_f32(tape, w->x, w->rows_x);
    elbo_tape_point_f32(tape, w->y, w->rows_y);
    elbo_mlp_point_gradient(&b->mlp, &w->leaves, tape, w->grad);
    need(elbo_tape_finish(tape) == ELBO_OK);
}

static void gather(const bench *b, const worker *w, const member *m)
{
    const size_t batch = b->t->batch;

    for (size_t i = 0; i < batch; i++) {
        const size_t at = (m->step * MOST + m->number) * batch + i;
        const size_t row = (size_t)(scatter(at) * N);

        memcpy(w->rows_x + i * IN, b->X + row * IN, IN * sizeof(float));
        memcpy(w->rows_y + i * OUT, b->Y + row * OUT, OUT * sizeof(float));
    }
}

static void step_member(const bench *b, const worker *w, member *m)
{
    const size_t size = elbo_mlp_size(&b->mlp);

    gather(b, w, m);
    elbo_mlp_point(&b->mlp, &w->leaves, w->tape, m->theta);
    for (size_t k = 0; b->t->gaussian && k < 2; k++)
        elbo_tape_point_f32(w->tape, w->bounds[k], m->theta + size + k * OUT);
    elbo_tape_forward(w->tape);
    elbo_tape_backward(w->tape, w->loss);
    elbo_tape_get(w->tape, w->loss, &m->loss);
    elbo_adam_step(&m->adam, m->theta, w->grad,
                   b->t->decay > 0 ? m->decay : NULL);
    m->step++;
}

/* A turn of a member is so many steps: an epoch is more, and what it has in the
 * cache stays there. */
enum { TURN = 6 };

static bool turn(void *arg, size_t k)
{
    bench *const b = arg;
    member *const m = &b->members[k];

    for (size_t i = 0; i < TURN && m->step < b->until; i++)
        step_member(b, &b->workers[omp_get_thread_num()], m);
    return m->step < b->until;
}

/* Members do not wait for one another, as in models/ensemble_fit.c. */
static void steps(bench *b, size_t n)
{
    b->until += n;
    elbo_parallel_turns(b->t->members, b, turn);
}

static double mean_loss(const bench *b)
{
    double sum = 0;

    for (size_t e = 0; e < b->t->members; e++) sum += b->members[e].loss;
    return sum / (double)b->t->members;
}

static void train(const task *t)
{
    static bench b;
    elbo_arena *arena = elbo_arena_alloc(64 << 20);
    const size_t threads = (size_t)omp_get_max_threads();
    double best = 0;

    need(threads <= THREADS);
    b = (bench){.t = t};
    need(elbo_mlp_shape(&b.mlp, IN, t->hidden, t->width,
                        t->gaussian ? 2 * OUT : OUT, t->f)
         == ELBO_OK);
    b.n = elbo_mlp_size(&b.mlp) + (t->gaussian ? 2 * OUT : 0);
    b.X = elbo_arena_take(arena, N * IN, sizeof *b.X);
    b.Y = elbo_arena_take(arena, N * OUT, sizeof *b.Y);
    need(elbo_arena_ok(arena));
    make_data(&b);
    for (size_t e = 0; e < t->members; e++) open_member(&b, e, arena);
    for (size_t k = 0; k < threads; k++) open_worker(&b, &b.workers[k], arena);
    steps(&b, STEPS);
    printf("loss %.9g\n", mean_loss(&b));
    for (int r = 0; r < ROUNDS; r++) {
        const double from = now();

        steps(&b, t->steps);
        best = fmax(best, (double)t->steps / (now() - from));
    }
    printf("steps %.6g\n", best);

    /* Products alone: forward, weights' gradients, and inputs' but of the
     * first. */
    double flops = 0;

    for (size_t l = 0; l < b.mlp.layers; l++)
        flops += (l ? 6.0 : 4.0) * (double)t->batch
                 * (double)(b.mlp.width[l] * b.mlp.width[l + 1]);
    printf("gflops %.6g\n", 1e-9 * flops * (double)t->members * best);
    for (size_t k = 0; k < threads; k++) elbo_tape_free(b.workers[k].tape);
    elbo_arena_free(arena);
}

static void sgemm(void)
{
    enum { SIDE = 1024 };
    const size_t threads = (size_t)omp_get_max_threads();
    elbo_arena *arena = elbo_arena_alloc(64 << 20);
    float *a = elbo_arena_take(arena, threads * 3 * SIDE * SIDE, sizeof *a);
    double best = 0;

    need(a != NULL);
    for (size_t i = 0; i < threads * 3 * SIDE * SIDE; i++)
        a[i] = (float)scatter(i);
    for (int r = 0; r < 2 * ROUNDS; r++) {
        const double from = now();

#pragma omp parallel for
        for (size_t k = 0; k < threads; k++) {
            float *const A = a + 3 * k * SIDE * SIDE;

            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE,
                        SIDE, 1, A, SIDE, A + SIDE * SIDE, SIDE, 0,
                        A + 2 * SIDE * SIDE, SIDE);
        }
        best = fmax(best, 2e-9 * SIDE * SIDE * SIDE * (double)threads
                              / (now() - from));
    }
    printf("sgemm %.6g\n", best);
    elbo_arena_free(arena);
}

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";

    need(elbo_linalg_start() == ELBO_OK);
    if (strcmp(what, "sgemm") == 0) {
        sgemm();
        return EXIT_SUCCESS;
    }
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (strcmp(what, tasks[i].name) == 0) {
            train(&tasks[i]);
            return EXIT_SUCCESS;
        }
    fprintf(stderr, "usage: bench_networks ensemble|small|sgemm\n");
    return EXIT_FAILURE;
}

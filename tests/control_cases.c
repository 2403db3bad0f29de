#include "tests/control_cases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inference/core/rng.h"

dense_world dense_alloc(size_t nS, size_t nA, double gamma, elbo_arena *arena)
{
    dense_world w = {.nS = nS, .nA = nA, .gamma = gamma};

    w.P = elbo_arena_take(arena, nS * nA * nS, sizeof *w.P);
    w.r = elbo_arena_take(arena, nS * nA, sizeof *w.r);
    w.mu = elbo_arena_take(arena, nS, sizeof *w.mu);
    ck_assert(elbo_arena_ok(arena));
    return w;
}

static size_t outcomes(const void *world, size_t s, size_t a,
                       elbo_outcome out[])
{
    const dense_world *w = world;
    size_t n = 0;

    for (size_t y = 0; y < w->nS; y++) {
        const double p = w->P[(s * w->nA + a) * w->nS + y];

        if (p > 0)
            out[n++] = (elbo_outcome){
                .next = (uint32_t)y, .prob = p, .reward = w->r[s * w->nA + a]};
    }
    return n;
}

elbo_mdp dense_mdp(const dense_world *w, elbo_arena *arena)
{
    elbo_mdp mdp = {.nS = w->nS, .nA = w->nA, .mu = w->mu, .gamma = w->gamma};
    double *sums;

    ck_assert_int_eq(
        elbo_mdp_build(w, outcomes, w->nS, w->nA, w->nS, arena, &mdp.P, &sums),
        ELBO_OK);
    mdp.r = w->r; /* not the sum of its parts, so to the bit */
    return mdp;
}

/* A [n x (n + 1)] holds A and b; leaves the solution in the last column. */
static void eliminate(double A[], size_t n)
{
    const size_t m = n + 1;

    for (size_t k = 0; k < n; k++) {
        size_t top = k;

        for (size_t i = k; i < n; i++)
            if (fabs(A[i * m + k]) > fabs(A[top * m + k])) top = i;
        for (size_t j = 0; j < m; j++) {
            const double x = A[k * m + j];

            A[k * m + j] = A[top * m + j];
            A[top * m + j] = x;
        }
        for (size_t i = 0; i < n; i++) {
            const double f = A[i * m + k] / A[k * m + k];

            if (i == k || f == 0) continue;
            for (size_t j = k; j < m; j++) A[i * m + j] -= f * A[k * m + j];
        }
    }
    for (size_t k = 0; k < n; k++) A[k * m + n] /= A[k * m + k];
}

double dense_value(const dense_world *w, const double pi[], double V[])
{
    const size_t n = w->nS, m = n + 1;
    double *A = calloc(n * m, sizeof *A), J = 0;

    for (size_t s = 0; s < n; s++) {
        A[s * m + s] = 1;
        for (size_t i = s * w->nA; i < (s + 1) * w->nA; i++) {
            A[s * m + n] += pi[i] * w->r[i];
            for (size_t y = 0; y < n; y++)
                A[s * m + y] -= w->gamma * pi[i] * w->P[i * n + y];
        }
    }
    eliminate(A, n);
    for (size_t s = 0; s < n; s++) {
        J += w->mu[s] * A[s * m + n];
        if (V) V[s] = A[s * m + n];
    }
    free(A);
    return J;
}

/* Where a move from (i, j) of the maze ends. */
static size_t maze_move(size_t i, size_t j, size_t a)
{
    static const int di[] = {-1, 0, 1, 0}, dj[] = {0, 1, 0, -1};
    const int y = (int)i + di[a], x = (int)j + dj[a];
    const bool out = y < 0 || y > 9 || x < 0 || x > 9;

    if (out || (y <= 5 && (x == 4 || x == 5))) return i * 10 + j;
    return (size_t)(y * 10 + x);
}

dense_world maze(double low, double goal, elbo_arena *arena)
{
    dense_world w = dense_alloc(100, 4, 0.9, arena);

    for (size_t s = 0; s < w.nS; s++)
        for (size_t a = 0; a < w.nA; a++) {
            double *p = w.P + (s * w.nA + a) * w.nS;

            for (size_t b = 0; b < w.nA; b++)
                p[maze_move(s / 10, s % 10, b)] += 0.125 + 0.5 * (b == a);
            w.r[s * w.nA + a] = s == 9 ? goal : low;
        }
    w.mu[0] = 1;
    return w;
}

dense_world risk(elbo_arena *arena)
{
    enum { LEFT, MIDDLE, RIGHT };
    static const double reward[] = {50, 1, 51};
    dense_world w = dense_alloc(3, 2, 0.9, arena);

    for (size_t s = LEFT; s <= RIGHT; s++)
        w.r[2 * s] = w.r[2 * s + 1] = reward[s];
    /* action 0 goes left, action 1 right */
    w.P[(2 * LEFT + 0) * 3 + LEFT] = 1;
    w.P[(2 * LEFT + 1) * 3 + MIDDLE] = 1;
    w.P[(2 * MIDDLE + 0) * 3 + LEFT] = 1;
    w.P[(2 * MIDDLE + 1) * 3 + RIGHT] = 1;
    w.P[(2 * RIGHT + 0) * 3 + MIDDLE] = 1;
    w.P[(2 * RIGHT + 1) * 3 + MIDDLE] = 0.5;
    w.P[(2 * RIGHT + 1) * 3 + RIGHT] = 0.5;
    w.mu[MIDDLE] = 1;
    return w;
}

dense_world garnet(uint64_t seed, size_t nS, size_t nA, double gamma,
                   elbo_arena *arena)
{
    enum { SUCCESSORS = 3 };
    elbo_rng rng = elbo_rng_stream(seed, "test garnet", 0);
    dense_world w = dense_alloc(nS, nA, gamma, arena);

    for (size_t i = 0; i < nS * nA; i++) {
        double p[SUCCESSORS], sum = 0;

        for (size_t k = 0; k < SUCCESSORS; k++)
            sum += p[k] = 0.05 + elbo_rng_uniform(&rng);
        for (size_t k = 0; k < SUCCESSORS; k++)
            w.P[i * nS + elbo_rng_below(&rng, nS)] += p[k] / sum;
        w.r[i] = elbo_rng_uniform(&rng);
    }
    for (size_t s = 0; s < nS; s++) w.mu[s] = 1 / (double)nS;
    return w;
}

trial trial_make(void)
{
    trial t = {
        .arena = elbo_arena_alloc(1 << 16),
        .ws = elbo_arena_alloc(1 << 16),
        .problem = {.tolerance = 1e-13, .sweeps = 1000000}
    };

    ck_assert(t.arena && t.ws);
    return t;
}

elbo_status trial_try(trial *t, const char *name, const char *settings,
                      double alpha, double beta)
{
    const elbo_control *control = elbo_control_find(name);
    const size_t horizon = t->problem.mdp.horizon;

    ck_assert_ptr_nonnull(control);
    t->problem.mdp = dense_mdp(&t->world, t->arena);
    t->problem.mdp.horizon = horizon;
    t->problem.alpha = alpha;
    t->problem.optimality = control->optimality;
    t->problem.tilt = (elbo_tilt){.kind = isinf(beta) ? &elbo_transition_model
                                                      : &elbo_transition_tilt,
                                  .beta = beta,
                                  .kl = ELBO_KL_STEP,
                                  .gamma = t->world.gamma};
    ELBO_TRY(elbo_posterior_init(&t->post, &t->problem, t->arena));
    ELBO_TRY(elbo_values_init(&t->values, control->options, t->arena));
    ELBO_TRY(elbo_values_parse(&t->values, settings));
    return control->open(&t->values, &t->problem, t->arena, &t->controller);
}

void trial_open(trial *t, const char *name, const char *settings, double alpha,
                double beta)
{
    ck_assert_int_eq(trial_try(t, name, settings, alpha, beta), ELBO_OK);
    ck_assert_ptr_eq(t->controller.control, elbo_control_find(name));
}

elbo_status trial_step(trial *t)
{
    const elbo_control *control = t->controller.control;
    const elbo_posterior *post = &t->post;

    if (control->previous_prior)
        memcpy(post->pi0, post->pi,
               post->stages * post->nS * post->nA * sizeof *post->pi);
    return control->estep(&t->controller, &t->problem, &t->post, &t->info,
                          t->ws);
}

void trial_steps(trial *t, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        const elbo_status status = trial_step(t);

        ck_assert_msg(status == ELBO_OK, "%s", elbo_last_error()->text);
    }
}

double trial_return(const trial *t)
{
    return dense_value(&t->world, t->post.pi, NULL);
}

void trial_free(trial *t)
{
    elbo_arena_free(t->ws);
    elbo_arena_free(t->arena);
}

double largest_difference(const double a[], const double b[], size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n; i++)
        most = isnan(a[i] - b[i]) ? HUGE_VAL : fmax(most, fabs(a[i] - b[i]));
    return most;
}

bool same_bits(const double a[], const double b[], size_t n)
{
    return memcmp(a, b, n * sizeof *a) == 0;
}

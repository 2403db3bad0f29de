#include "tests/gridwalk.h"

#include <check.h>
#include <math.h>
#include <string.h>

static size_t clip(int k)
{
    return (size_t)(k < 0 ? 0 : k > 9 ? 9 : k);
}

static void policy(double pi[], double epsilon)
{
    for (size_t i = 0; i < WALK_ROWS; i++) {
        const size_t s = i / WALK_A, best = s / 10 <= s % 10 ? 0 : 1;

        pi[i] = epsilon / WALK_A + (1 - epsilon) * (i % WALK_A == best);
    }
}

/* Discounted visits from a uniform start, by pushing mass forward. */
static void visit(const gridwalk *w, const double pi[], double gamma,
                  double d[])
{
    double mass[WALK_S], next[WALK_S], weight = 1 - gamma;

    for (size_t s = 0; s < WALK_S; s++) mass[s] = 1. / WALK_S;
    memset(d, 0, WALK_ROWS * sizeof *d);
    for (; weight > 1e-19; weight *= gamma) {
        memset(next, 0, sizeof next);
        for (size_t i = 0; i < WALK_ROWS; i++) {
            const double m = mass[i / WALK_A] * pi[i];

            d[i] += weight * m;
            next[w->next[i]] += m;
        }
        memcpy(mass, next, sizeof mass);
    }
}

void gridwalk_init(gridwalk *w, double gamma, double alpha, elbo_arena *arena)
{
    static const int dx[] = {1, 0, -1, 0}, dy[] = {0, 1, 0, -1};

    for (size_t i = 0; i < WALK_ROWS; i++) {
        const int x = (int)(i / WALK_A / 10), y = (int)(i / WALK_A % 10);
        const size_t a = i % WALK_A;
        const size_t u = clip(x + dx[a]), v = clip(y + dy[a]);

        w->next[i] = u * 10 + v;
        w->r[i] = exp(-2 * (double)(18 - u - v) / 10);
    }
    policy(w->target, 0.1);
    policy(w->behaviour, 0.1 + 0.6 * (1 - alpha));
    visit(w, w->target, gamma, w->d_target);
    visit(w, w->behaviour, gamma, w->d_behaviour);
    w->P = elbo_arena_mat(arena, WALK_ROWS, WALK_ROWS);
    ck_assert(elbo_arena_ok(arena));
    gsl_matrix_set_zero(w->P);
    for (size_t i = 0; i < WALK_ROWS; i++) {
        w->start[i] = w->target[i] / WALK_S;
        for (size_t a = 0; a < WALK_A; a++)
            gsl_matrix_set(w->P, i, w->next[i] * WALK_A + a,
                           w->target[w->next[i] * WALK_A + a]);
    }
}

double gridwalk_mean(const double d[], const double x[])
{
    double sum = 0;

    for (size_t i = 0; i < WALK_ROWS; i++) sum += d[i] * x[i];
    return sum;
}

/* tests/program_words.h -- the words of the language, read at one transition by
 * loops: what tests/program_cases.c writes its oracles in.
 */
#ifndef ELBO_PROGRAM_WORDS_H
#define ELBO_PROGRAM_WORDS_H

#include <math.h>
#include <stddef.h>

#include "tests/program_cases.h"

static const double gamma_ = 0.87;

/* ---- the words, read at one transition ---- */

#define ORACLE(name)                                                           \
    static double name(const program_world *w, const double p[],               \
                       const double held[], size_t x)
#define UNUSED (void)w, (void)p, (void)held, (void)x

/* double sum = sum_i p[i] f(y), f an expression of y and i */
#define OVER_Y(sum, prob, f)                                                   \
    double sum = 0;                                                            \
    for (size_t i = w->start[w->row[x]]; i < w->start[w->row[x] + 1]; i++) {   \
        const size_t y = w->successor[i];                                      \
        (void)y;                                                               \
        sum += (prob)[i] * (f);                                                \
    }

/* double sum = sum_z weight f(z) / sum_z weight over transitions of x's row */
#define OVER_DATA(sum, same_row, f)                                            \
    double sum = 0, sum##_n = 0;                                               \
    for (size_t z = 0; z < SAMPLES; z++) {                                     \
        if ((same_row) && w->row[z] != w->row[x]) continue;                    \
        sum += w->weight[z] * (f);                                             \
        sum##_n += w->weight[z];                                               \
    }                                                                          \
    sum /= sum##_n;

static inline double sq(double x)
{
    return x * x;
}

static inline size_t s_of(const program_world *w, size_t x)
{
    return w->row[x] / NA;
}

static inline double Q_at(const program_world *w, size_t state, size_t a)
{
    return state == NS ? 0 : w->Q[state * NA + a];
}

static inline double Q_of(const program_world *w, size_t x)
{
    return w->Q[w->row[x]];
}

static inline double next_V(const program_world *w, size_t x)
{
    return w->V[w->next[x]];
}

static inline double at(const program_world *w, size_t state, size_t k)
{
    return w->coord[state * DIM + k];
}

static inline double apart(const program_world *w, size_t s, size_t t)
{
    return hypot(at(w, s, 0) - at(w, t, 0), at(w, s, 1) - at(w, t, 1));
}

/* The slope of V by looking at every state. */
static inline double slope(const program_world *w, size_t state, size_t k)
{
    double up = w->V[state], down = up;
    int sides = 0;

    if (state == NS) return 0;
    for (size_t t = 0; t < NS; t++) {
        const double step = at(w, t, k) - at(w, state, k);

        if (at(w, t, 1 - k) - at(w, state, 1 - k) != 0) continue;
        if (step - 1 == 0) up = w->V[t], sides++;
        if (step + 1 == 0) down = w->V[t], sides++;
    }
    return sides == 2 ? (up - down) / 2 : up - down;
}

static inline double mean_V(const program_world *w, const double p[], size_t x)
{
    OVER_Y(m, p, w->V[y])
    return m;
}

static inline double data_V(const program_world *w, size_t x)
{
    OVER_DATA(m, true, next_V(w, z))
    return m;
}

static inline double mean_at(const program_world *w, const double p[], size_t x,
                      size_t k)
{
    OVER_Y(m, p, at(w, y, k))
    return m;
}

static inline double variance(const program_world *w, const double p[], size_t x)
{
    const double m = mean_V(w, p, x);

    OVER_Y(v, p, sq(w->V[y] - m))
    return v;
}

#endif

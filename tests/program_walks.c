/* tests/program_walks.c -- roll, T and Td by loops over states. */
#include "tests/program_walks.h"

#include "tests/program_words.h"

#define WALK(name)                                                             \
    double program_##name(const program_world *w, const double p[],            \
                          const double held[], size_t x)

/* f[s] = sum_a pi(a|s) sum_y p f(y), END apart. */
static void follow(const program_world *w, const double p[], double f[])
{
    double out[NS + 1] = {0};

    out[NS] = f[NS];
    for (size_t row = 0; row < ROWS; row++)
        for (size_t i = w->start[row]; i < w->start[row + 1]; i++)
            out[row / NA] += exp(w->logpi[row]) * p[i] * f[w->successor[i]];
    for (size_t s = 0; s <= NS; s++) f[s] = out[s];
}

WALK(rolled)
{
    double f[NS + 1];

    UNUSED;
    for (size_t s = 0; s <= NS; s++) f[s] = sq(w->V[s] + 0.3);
    follow(w, p, f);
    follow(w, p, f);
    OVER_Y(m, p, f[y])
    return m - w->r[x];
}

WALK(rolled_far)
{
    double sum = 0;

    UNUSED;
    for (size_t k = 0; k < DIM; k++) {
        double f[NS + 1];

        for (size_t s = 0; s <= NS; s++) f[s] = at(w, s, k);
        follow(w, p, f);
        OVER_Y(m, p, f[y])
        sum += sq(m - at(w, w->next[x], k));
    }
    return -sum;
}

/* f[s] = sum_a pi(a|s) (rhat + gamma sum_y p f(y)), END apart. */
static void back_up(const program_world *w, const double p[], double f[])
{
    const double end = f[NS];

    follow(w, p, f);
    for (size_t s = 0; s < NS; s++) f[s] *= gamma_;
    for (size_t row = 0; row < ROWS; row++)
        f[row / NA] += exp(w->logpi[row]) * w->rhat[row];
    f[NS] = end;
}

WALK(order_three)
{
    double f[NS + 1];

    UNUSED;
    for (size_t s = 0; s <= NS; s++) f[s] = sq(w->V[s] + 0.3);
    back_up(w, p, f);
    back_up(w, p, f);
    OVER_Y(m, p, f[y])
    return -sq(w->rhat[w->row[x]] + gamma_ * m - w->r[x]);
}

/* sum over the row's samples of weight (r + gamma f(next)), over their weight. */
static double data_backup(const program_world *w, size_t row, const double f[])
{
    double sum = 0, n = 0;

    for (size_t z = 0; z < SAMPLES; z++) {
        if (w->row[z] != row) continue;
        n += w->weight[z];
        sum += w->weight[z] * (w->r[z] + gamma_ * f[w->next[z]]);
    }
    return n > 0 ? sum / n : (double)NAN;
}

/* No step where there is no row. */
static void back_up_in_data(const program_world *w, double f[])
{
    double out[NS + 1];

    for (size_t s = 0; s <= NS; s++) out[s] = f[s];
    for (size_t row = 0; row < ROWS; row++) {
        const double x = data_backup(w, row, f);

        if (isfinite(x))
            out[row / NA] += exp(w->logpi[row]) * (x - f[row / NA]);
    }
    for (size_t s = 0; s <= NS; s++) f[s] = out[s];
}

WALK(order_three_in_data)
{
    double f[NS + 1];

    UNUSED;
    for (size_t s = 0; s <= NS; s++) f[s] = sq(w->V[s] + 0.3);
    back_up_in_data(w, f);
    back_up_in_data(w, f);
    return sq(data_backup(w, w->row[x], f)) * w->rhat[w->row[x]];
}

WALK(order_one)
{
    UNUSED;
    return w->rhat[w->row[x]] + gamma_ * mean_V(w, p, x)
           - data_backup(w, w->row[x], w->V);
}

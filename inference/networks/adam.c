#include "inference/networks/adam.h"

#include <math.h>

enum { LANES = 16 };

const elbo_adam_config elbo_adam_defaults = {
    .rate = 1e-3,
    .beta1 = 0.9,
    .beta2 = 0.999,
    .epsilon = 1e-8,
    .clip = (double)INFINITY,
};

void elbo_adam_init(elbo_adam *adam, const elbo_adam_config *config, size_t n,
                    elbo_arena *arena)
{
    *adam = (elbo_adam){
        .config = *config,
        .n = n,
        .m = elbo_arena_take(arena, n, sizeof(float)),
        .v = elbo_arena_take(arena, n, sizeof(float)),
    };
}

/* The squares of floats are exact in double, and none overflows. */
static double norm(const float x[], size_t n)
{
    double s[LANES] = {0}, sum = 0;
    size_t i = 0;

    for (; n - i >= LANES; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            s[k] += (double)x[i + k] * (double)x[i + k];
    for (; i < n; i++) sum += (double)x[i] * (double)x[i];
    for (size_t k = 0; k < LANES; k++) sum += s[k];
    return sqrt(sum);
}

/* The constants of one step, as floats:
 *     m = b1 m + (1 - b1) g,   v = b2 v + (1 - b2) g^2
 *     theta -= rate / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + epsilon) */
typedef struct step {
    float keep_m, add_m, keep_v, add_v, rate, unbias_v, epsilon, scale;
} step;

static step step_of(const elbo_adam *adam, double length)
{
    const elbo_adam_config *c = &adam->config;
    const double t = (double)adam->t;

    return (step){
        .keep_m = (float)c->beta1,
        .add_m = (float)(1 - c->beta1),
        .keep_v = (float)c->beta2,
        .add_v = (float)(1 - c->beta2),
        .rate = (float)(c->rate / (1 - pow(c->beta1, t))),
        .unbias_v = (float)(1 / sqrt(1 - pow(c->beta2, t))),
        .epsilon = (float)c->epsilon,
        .scale = length > c->clip ? (float)(c->clip / length) : 1,
    };
}

static inline void one(const step *s, float g, float *m, float *v, float *theta)
{
    *m = s->keep_m * *m + s->add_m * g;
    *v = s->keep_v * *v + s->add_v * (g * g);
    *theta -= s->rate * *m / (sqrtf(*v) * s->unbias_v + s->epsilon);
}

static void plain(const step *at, size_t n, const float g[restrict],
                  float m[restrict], float v[restrict], float theta[restrict])
{
    const step s = *at;

    for (size_t i = 0; i < n; i++)
        one(&s, s.scale * g[i], &m[i], &v[i], &theta[i]);
}

static void decayed(const step *at, size_t n, const float g[restrict],
                    const float decay[restrict], float m[restrict],
                    float v[restrict], float theta[restrict])
{
    const step s = *at;

    for (size_t i = 0; i < n; i++)
        one(&s, s.scale * g[i] + decay[i] * theta[i], &m[i], &v[i], &theta[i]);
}

double elbo_adam_step(elbo_adam *adam, float theta[], const float grad[],
                      const float decay[])
{
    const double length = norm(grad, adam->n);

    if (!isfinite(length)) return length;
    adam->t++;

    const step s = step_of(adam, length);

    if (decay)
        decayed(&s, adam->n, grad, decay, adam->m, adam->v, theta);
    else
        plain(&s, adam->n, grad, adam->m, adam->v, theta);
    return length;
}

void elbo_adam_save(const elbo_adam *adam, elbo_writer *out)
{
    elbo_put_u64(out, adam->n);
    elbo_put_u64(out, adam->t);
    elbo_put_bytes(out, adam->m, adam->n * sizeof *adam->m);
    elbo_put_bytes(out, adam->v, adam->n * sizeof *adam->v);
}

elbo_status elbo_adam_load(elbo_adam *adam, elbo_reader *in)
{
    uint64_t n;

    ELBO_TRY(elbo_get_u64(in, &n));
    if (n != adam->n)
        return ELBO_FAIL(ELBO_EDATA,
                         "Adam: %llu parameters were saved, not %zu",
                         (unsigned long long)n, adam->n);
    ELBO_TRY(elbo_get_u64(in, &adam->t));
    ELBO_TRY(elbo_get_bytes(in, adam->m, adam->n * sizeof *adam->m));
    return elbo_get_bytes(in, adam->v, adam->n * sizeof *adam->v);
}

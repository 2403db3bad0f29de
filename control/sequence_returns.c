/* control/sequence_returns.c -- action sequences rolled out in the model, all
 * of them and all their particles side by side; those that have ended leave. */
#include <math.h>
#include <string.h>

#include "control/sequence.h"

/* Rows that live, in the order they started in: particle by particle. */
typedef struct flock {
    size_t n, no, nu, E;
    uint32_t *row; /* [n] which return it adds to: particle * sequences + k */
    uint32_t *member; /* [n] */
    uint32_t *elite;  /* [E] the members to draw from */
    elbo_rng *rng;    /* [n] */
    float *o, *next, *u, *reward;
    uint8_t *end;
    float *o_mean, *reward_mean; /* of ELBO_EXPECTATION, else NULL */
    float *end_mean;
} flock;

size_t elbo_sequence_particles(const elbo_sequence_config *c)
{
    return c->propagation == ELBO_EXPECTATION ? 1 : c->particles;
}

static elbo_status gather(const elbo_sequence_rollout *r, size_t n, size_t P,
                          flock *f, elbo_arena *ws)
{
    const elbo_task_belief *const belief = r->problem->belief;
    const elbo_task_world *const world = r->problem->world;
    const size_t rows = n * P, no = world->no, nu = world->nu;
    const bool mean = r->config->propagation == ELBO_EXPECTATION;

    *f = (flock){
        .n = rows,
        .no = no,
        .nu = nu,
        .row = elbo_arena_u32(ws, rows),
        .member = elbo_arena_u32(ws, rows),
        .elite = elbo_arena_u32(ws, belief->members),
        .rng = elbo_arena_take(ws, rows, sizeof *f->rng),
        .o = elbo_arena_take(ws, rows, no * sizeof *f->o),
        .next = elbo_arena_take(ws, rows, no * sizeof *f->next),
        .u = elbo_arena_take(ws, rows, nu * sizeof *f->u),
        .reward = elbo_arena_take(ws, rows, sizeof *f->reward),
        .end = elbo_arena_take(ws, rows, 1),
        .o_mean = mean ? elbo_arena_take(ws, rows, no * sizeof *f->o) : NULL,
        .reward_mean =
            mean ? elbo_arena_take(ws, rows, sizeof *f->reward) : NULL,
        .end_mean = mean ? elbo_arena_take(ws, rows, sizeof *f->reward) : NULL,
    };
    ELBO_TRY(elbo_arena_check(ws, "a planner's rollouts"));
    f->E = belief->model->elites(belief, f->elite);
    for (size_t i = 0; i < rows; i++) {
        const size_t p = i / n, k = i % n;

        f->row[i] = (uint32_t)i;
        f->member[i] = f->elite[p % f->E];
        f->rng[i] =
            elbo_rng_stream(r->seed, "particles",
                            r->first + (r->config->common ? p : k * P + p));
        memcpy(f->o + i * no, r->o, no * sizeof *f->o);
    }
    return ELBO_OK;
}

/* What is not finite shows in its row; other failures are the caller's. Rewards
 * are NaN before, so that a row the model did not reach is no return of 0. */
static elbo_status draw(const elbo_task_belief *belief, flock *f, bool mean,
                        elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);

    for (size_t i = 0; i < f->n; i++) f->reward[i] = NAN;

    const elbo_status s =
        belief->model->draw(belief, f->n, f->o, f->u, f->member, f->rng, mean,
                            f->next, f->reward, f->end, ws);

    elbo_arena_release(ws, mark);
    return s == ELBO_ENOTFINITE ? ELBO_OK : s;
}

/* next, reward and end are the members' means, the last by majority. */
static elbo_status draw_expectation(const elbo_task_belief *belief, flock *f,
                                    elbo_arena *ws)
{
    const size_t n = f->n, size = n * f->no;
    const float share = 1 / (float)f->E;

    memset(f->o_mean, 0, size * sizeof *f->o_mean);
    memset(f->reward_mean, 0, n * sizeof *f->reward_mean);
    memset(f->end_mean, 0, n * sizeof *f->end_mean);
    for (size_t e = 0; e < f->E; e++) {
        for (size_t i = 0; i < n; i++) f->member[i] = f->elite[e];
        ELBO_TRY(draw(belief, f, true, ws));
        for (size_t i = 0; i < size; i++) f->o_mean[i] += share * f->next[i];
        for (size_t i = 0; i < n; i++) {
            f->reward_mean[i] += share * f->reward[i];
            f->end_mean[i] += share * (float)f->end[i];
        }
    }
    memcpy(f->next, f->o_mean, size * sizeof *f->next);
    memcpy(f->reward, f->reward_mean, n * sizeof *f->reward);
    for (size_t i = 0; i < n; i++) f->end[i] = f->end_mean[i] > 0.5F;
    return ELBO_OK;
}

static bool finite_row(const flock *f, size_t i)
{
    bool finite = isfinite(f->reward[i]);

    for (size_t j = 0; j < f->no; j++)
        finite = finite && isfinite(f->next[i * f->no + j]);
    return finite;
}

/* Rewards go to their returns; rows that have ended, or failed, leave. `total`
 * [rows] is in the order of `row`. */
static void settle(flock *f, double discount, double total[])
{
    size_t live = 0;

    for (size_t i = 0; i < f->n; i++) {
        const bool finite = finite_row(f, i);
        double *const sum = total + f->row[i];

        *sum = finite ? *sum + discount * (double)f->reward[i] : (double)NAN;
        if (!finite || f->end[i]) continue;
        if (live < i) {
            f->row[live] = f->row[i];
            f->member[live] = f->member[i];
            f->rng[live] = f->rng[i];
            memcpy(f->next + live * f->no, f->next + i * f->no,
                   f->no * sizeof *f->next);
        }
        live++;
    }
    f->n = live;

    float *const o = f->o;

    f->o = f->next;
    f->next = o;
}

static elbo_status step(const elbo_sequence_rollout *r, size_t t, size_t n,
                        const float a[], flock *f, elbo_arena *ws)
{
    const size_t H = r->config->horizon, nu = f->nu;

    for (size_t i = 0; i < f->n; i++)
        memcpy(f->u + i * nu, a + (f->row[i] % n * H + t) * nu, nu * sizeof *a);
    if (r->config->propagation == ELBO_EXPECTATION)
        return draw_expectation(r->problem->belief, f, ws);
    if (r->config->propagation == ELBO_TS1)
        for (size_t i = 0; i < f->n; i++)
            f->member[i] = f->elite[elbo_rng_below(f->rng + i, f->E)];
    return draw(r->problem->belief, f, false, ws);
}

static elbo_status roll(const elbo_sequence_rollout *r, size_t n,
                        const float a[], double R[], uint64_t *rows,
                        elbo_arena *ws)
{
    const size_t P = elbo_sequence_particles(r->config);
    double *const total = elbo_arena_doubles(ws, n * P);
    double discount = 1;
    flock f;

    ELBO_TRY(gather(r, n, P, &f, ws));
    memset(total, 0, n * P * sizeof *total);
    for (size_t t = 0; t < r->config->horizon && f.n; t++) {
        *rows += f.n * (f.o_mean ? f.E : 1);
        ELBO_TRY(step(r, t, n, a, &f, ws));
        settle(&f, discount, total);
        discount *= r->problem->gamma;
    }
    for (size_t k = 0; k < n; k++)
        for (size_t p = 0; p < P; p++) R[k * P + p] = total[p * n + k];
    return ELBO_OK;
}

elbo_status elbo_sequence_returns(const elbo_sequence_rollout *r, size_t n,
                                  const float a[], double R[], uint64_t *rows,
                                  elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = roll(r, n, a, R, rows, ws);

    elbo_arena_release(ws, mark);
    return s;
}

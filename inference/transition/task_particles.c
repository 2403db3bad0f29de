/* inference/transition/task_particles.c -- successors by q: particles of the
 * model, weighed by what follows them.
 */
#include <math.h>
#include <string.h>

#include "inference/task_transition.h"
#include "inference/weight/task_logratio.h"

/* Of `free`, as of the factor logratio. */
static const double clip = 5;
enum { STEPS = 200 };

bool elbo_task_transition_plain(const elbo_task_transition *t)
{
    return t->tilt.kind == &elbo_transition_model;
}

bool elbo_task_transition_serves(const elbo_tilt *tilt)
{
    return tilt->kind == &elbo_transition_model
           || tilt->kind == &elbo_transition_tilt
           || tilt->kind == &elbo_transition_robust
           || (tilt->kind == &elbo_transition_free
               && tilt->ratio == ELBO_RATIO_CLASSIFIER);
}

double elbo_task_transition_charge(const elbo_task_transition *t)
{
    return elbo_tilt_charge(&t->tilt);
}

elbo_status elbo_task_transition_open(elbo_task_transition *t,
                                      const elbo_task_view *view,
                                      elbo_arena *arena)
{
    if (t->tilt.kind != &elbo_transition_free) return ELBO_OK;
    t->ratio = elbo_arena_take(arena, 1, sizeof *t->ratio);
    ELBO_TRY(elbo_arena_check(arena, "transition: free"));
    return elbo_task_ratio_open(t->ratio, &elbo_logistic_defaults, clip, STEPS,
                                view, arena);
}

elbo_status elbo_task_transition_learn(elbo_task_transition *t,
                                       const elbo_task_view *view,
                                       elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    elbo_status s = ELBO_OK;

    if (t->ratio) s = elbo_task_ratio_learn(t->ratio, view, ws);
    elbo_arena_release(ws, mark);
    return s == ELBO_OK ? s : elbo_fail_prefix("transition: free");
}

/* ---- particles ---- */

/* K copies of each row, and what the model makes of them. */
typedef struct cloud {
    size_t n, K, no, nu;
    float *o, *u, *next, *reward, *V;
    uint8_t *end;
    uint32_t *member;
    elbo_rng *rng;
} cloud;

static elbo_status take_cloud(cloud *c, elbo_arena *ws)
{
    const size_t N = c->n * c->K;

    c->o = elbo_arena_take(ws, N * c->no, sizeof *c->o);
    c->u = elbo_arena_take(ws, N * c->nu, sizeof *c->u);
    c->next = elbo_arena_take(ws, N * c->no, sizeof *c->next);
    c->reward = elbo_arena_take(ws, N, sizeof *c->reward);
    c->V = elbo_arena_take(ws, N, sizeof *c->V);
    c->end = elbo_arena_take(ws, N, sizeof *c->end);
    c->member = elbo_arena_u32(ws, N);
    c->rng = elbo_arena_take(ws, N, sizeof *c->rng);
    return elbo_arena_check(ws, "particles");
}

/* Each particle has an elite and a stream of its own, both from its row's. */
static elbo_status fill_cloud(const elbo_task_transition *t, cloud *c,
                              const float o[], const float u[], elbo_rng rng[],
                              elbo_arena *ws)
{
    const elbo_task_model *const model = t->belief->model;
    uint32_t *const elite = elbo_arena_u32(ws, t->belief->members);
    size_t elites;

    ELBO_TRY(elbo_arena_check(ws, "particles"));
    elites = model->elites(t->belief, elite);
    for (size_t i = 0; i < c->n; i++)
        for (size_t k = 0; k < c->K; k++) {
            const size_t j = i * c->K + k;
            const uint64_t low = elbo_rng_u32(&rng[i]),
                           high = elbo_rng_u32(&rng[i]);

            memcpy(c->o + j * c->no, o + i * c->no, c->no * sizeof *o);
            memcpy(c->u + j * c->nu, u + i * c->nu, c->nu * sizeof *u);
            c->rng[j] = elbo_rng_stream(high << 32 | low, "particle", k);
            c->member[j] =
                elite[elites > 1 ? elbo_rng_below(&c->rng[j], elites) : 0];
        }
    ELBO_TRY(model->draw(t->belief, c->n * c->K, c->o, c->u, c->member, c->rng,
                         false, c->next, c->reward, c->end, ws));
    return t->control->value(t->solver, c->n * c->K, c->next, c->V, NULL, ws);
}

/* Shares q [K] of row i; its KL. */
static elbo_status weigh(const elbo_task_transition *t, const cloud *c,
                         size_t i, const double p[], double V[], double q[],
                         double *kl)
{
    const elbo_pattern one = {.nS = c->K, .nA = 1, .width = c->K, .nnz = c->K};
    const elbo_kernel P = {.pattern = &one, .prob = (double *)p};
    const elbo_kernel Q = {.pattern = &one, .prob = q};

    for (size_t k = 0; k < c->K; k++) {
        const size_t j = i * c->K + k;
        const double after = c->end[j] ? 0 : (double)c->V[j];

        V[k] = after + (double)c->reward[j] / t->tilt.gamma;
        if (!isfinite(V[k]))
            return ELBO_FAIL(ELBO_ENOTFINITE,
                             "transition: particle %zu of row %zu is worth %g",
                             k, i, V[k]);
    }
    V[c->K] = 0;
    t->tilt.kind->posterior(&t->tilt, &P, V, 0, 1, q);
    *kl = elbo_row_kl(&Q, &P, 0);
    return ELBO_OK;
}

static elbo_status resample(const elbo_task_transition *t, const cloud *c,
                            elbo_rng rng[], uint32_t member[], float next[],
                            float reward[], uint8_t end[], double kl[],
                            elbo_arena *ws)
{
    double *const p = elbo_arena_doubles(ws, c->K);
    double *const q = elbo_arena_doubles(ws, c->K);
    double *const V = elbo_arena_doubles(ws, c->K + 1);

    ELBO_TRY(elbo_arena_check(ws, "particles"));
    for (size_t k = 0; k < c->K; k++) p[k] = 1 / (double)c->K;
    for (size_t i = 0; i < c->n; i++) {
        ELBO_TRY(weigh(t, c, i, p, V, q, &kl[i]));

        const size_t j = i * c->K + elbo_rng_categorical(&rng[i], q, c->K);

        memcpy(next + i * c->no, c->next + j * c->no, c->no * sizeof *next);
        reward[i] = c->reward[j];
        end[i] = c->end[j];
        member[i] = c->member[j];
    }
    return ELBO_OK;
}

/* ---- the model's own ---- */

static elbo_status draw_model(const elbo_task_transition *t, size_t n,
                              const float o[], const float u[], elbo_rng rng[],
                              uint32_t member[], float next[], float reward[],
                              uint8_t end[], elbo_arena *ws)
{
    const elbo_task_model *const model = t->belief->model;
    uint32_t *const elite = elbo_arena_u32(ws, t->belief->members);
    size_t elites;

    ELBO_TRY(elbo_arena_check(ws, "the elites"));
    elites = model->elites(t->belief, elite);
    for (size_t i = 0; i < n; i++)
        member[i] =
            elites > 1 ? elite[elbo_rng_below(&rng[i], elites)] : elite[0];
    return model->draw(t->belief, n, o, u, member, rng, false, next, reward,
                       end, ws);
}

/* kl = -log p / q at what was drawn. */
static elbo_status charge_ratio(const elbo_task_transition *t, size_t n,
                                const float o[], const float u[],
                                const float next[], double kl[], elbo_arena *ws)
{
    const size_t no = t->belief->world->no, nu = t->belief->world->nu,
                 d = 2 * no + nu;
    float *const x = elbo_arena_take(ws, n * d, sizeof *x);

    ELBO_TRY(elbo_arena_check(ws, "log ratios"));
    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * d, o + i * no, no * sizeof *x);
        memcpy(x + i * d + no, u + i * nu, nu * sizeof *x);
        memcpy(x + i * d + no + nu, next + i * no, no * sizeof *x);
    }
    ELBO_TRY(elbo_task_ratio_at(t->ratio, n, x, kl, ws));
    for (size_t i = 0; i < n; i++) kl[i] = -kl[i];
    return ELBO_OK;
}

static elbo_status draw(const elbo_task_transition *t, size_t n,
                        const float o[], const float u[], elbo_rng rng[],
                        uint32_t member[], float next[], float reward[],
                        uint8_t end[], double kl[], elbo_arena *ws)
{
    cloud c = {.n = n,
               .K = t->particles,
               .no = t->belief->world->no,
               .nu = t->belief->world->nu};

    if (elbo_task_transition_plain(t) || t->ratio) {
        ELBO_TRY(draw_model(t, n, o, u, rng, member, next, reward, end, ws));
        if (t->ratio) return charge_ratio(t, n, o, u, next, kl, ws);
        for (size_t i = 0; i < n; i++) kl[i] = 0;
        return ELBO_OK;
    }
    ELBO_TRY(take_cloud(&c, ws));
    ELBO_TRY(fill_cloud(t, &c, o, u, rng, ws));
    return resample(t, &c, rng, member, next, reward, end, kl, ws);
}

elbo_status elbo_task_transition_draw(const elbo_task_transition *t, size_t n,
                                      const float o[], const float u[],
                                      elbo_rng rng[], uint32_t member[],
                                      float next[], float reward[],
                                      uint8_t end[], double kl[],
                                      elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s =
        draw(t, n, o, u, rng, member, next, reward, end, kl, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* ---- state ---- */

void elbo_task_transition_save(const elbo_task_transition *t, elbo_writer *out)
{
    if (t->ratio) elbo_task_ratio_save(t->ratio, out);
}

elbo_status elbo_task_transition_load(elbo_task_transition *t, elbo_reader *in)
{
    return t->ratio ? elbo_task_ratio_load(t->ratio, in) : ELBO_OK;
}

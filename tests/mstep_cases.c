#include "tests/mstep_cases.h"

#include <string.h>

#include "inference/backup.h"

/* An E-step at the belief's theta; p is a copy, so that theta can move alone.
 */
static void solve(mstep_case *m, const plan *p)
{
    elbo_arena *const arena = m->c.arena;
    const elbo_kernel geo = m->c.belief.geo;
    const size_t nnz = geo.pattern->nnz;
    double *const frozen = elbo_arena_doubles(arena, nnz);
    elbo_solve_info info;

    memcpy(frozen, geo.prob, nnz * sizeof *frozen);
    m->problem = (elbo_problem){
        .mdp = m->c.mdp,
        .alpha = p->alpha,
        .tolerance = 1e-12,
        .sweeps = 100000,
    };
    m->problem.mdp.P = (elbo_kernel){.pattern = geo.pattern, .prob = frozen};
    ck_assert_int_eq(elbo_transition_parse(p->transition, ELBO_KL_STEP, 0.9,
                                           arena, &m->problem.tilt, NULL, NULL),
                     ELBO_OK);
    ck_assert_int_eq(elbo_posterior_init(&m->post, &m->problem, arena),
                     ELBO_OK);
    ck_assert_int_eq(elbo_solve(&m->problem, &m->post, &info, m->ws), ELBO_OK);
}

void mstep_case_open(mstep_case *m, const elbo_env *env, const tangle *how,
                     const plan *p)
{
    *m = (mstep_case){.ws = elbo_arena_alloc(1 << 12)};
    model_case_open(&m->c, env, how, p->horizon);
    model_case_belief(&m->c, p->model, p->settings);
    if (p->kappa != 0) solve(m, p);
    m->step = (elbo_mstep){
        .likelihood = &elbo_likelihood_logp,
        .C = model_case_counts(&m->c, 7, 31),
        .kappa = p->kappa,
        .problem = p->kappa != 0 ? &m->problem : NULL,
        .post = p->kappa != 0 ? &m->post : NULL,
        .ascent = {.method = &elbo_ascender_bfgs,
                   .iterations = 3000,
                   .tolerance = 1e-8},
    };
}

void mstep_case_close(mstep_case *m)
{
    elbo_arena_free(m->ws);
    model_case_close(&m->c);
}

void assert_ok(elbo_status s)
{
    ck_assert_msg(s == ELBO_OK, "%s", elbo_last_error()->text);
}

static const char all[] = "init_scale=0.7", rank[] = "rank=3";
static const char world[] = "support=world init_scale=0.7";
static const char block[] = "block=2 init_scale=0.7";
static const char groups[] = "groups=7 init_scale=0.7";

const plan mstep_plans[] = {
    {"softmax",  all,    "model",              0,    1,        0},
    {"softmax",  all,    "model",              1,    0.4,      0},
    {"softmax",  all,    "model",              -1,   0.4,      0},
    {"softmax",  all,    "model",              0.37, 0,        5},
    {"softmax",  world,  "model",              1,    INFINITY, 4},
    {"softmax",  all,    "tilt(1.7)",          1,    0.4,      0},
    {"softmax",  all,    "tilt(0.8, kl=next)", 0.6,  0.4,      3},
    {"low_rank", rank,   "model",              1,    0.4,      0},
    {"low_rank", rank,   "model",              -1,   0.4,      3},
    {"low_rank", rank,   "tilt(1.7)",          1,    0.4,      0},
    {"aliased",  block,  "model",              1,    0.4,      0},
    {"aliased",  block,  "tilt(1.7)",          1,    0.4,      0},
    {"aliased",  groups, "model",              -1,   0.4,      0},
    {"aliased",  groups, "tilt(1.7)",          1,    0.4,      2},
    {"softmax",  all,    "free(beta=0.6)",     1,    0.4,      0},
    {"low_rank", rank,   "free(kl=next)",      1,    0.4,      3},
    {"aliased",  block,  "free(ratio=clip(5))", 1,   0,        0},
};

const int n_mstep_plans = sizeof mstep_plans / sizeof *mstep_plans;

/* control/reps.c -- relative entropy policy search in control tasks.
 *
 *   max_q E_q r   s.t.  KL(q || p) <= epsilon,  q's flow is that of a
 * discounted process delta = r + gamma V(o') - V(o) + (1 - gamma) E_mu V,   V =
 * w'phi q ~ p exp(delta / eta),  (eta, w) by the dual
 * (inference/messages/flow_dual.h) pi <- argmax E_q log pi(u|o)
 *
 * p is the window of the last rows of data, and the rollouts beside it by their
 * share. mu is where episodes begin (rows of step 0; all rows where none is
 * held). An end leads to an absorbing state that pays nothing: one more sample
 * with a feature of its own and the mass gamma / (1 - gamma) for each end, so
 * that q may be improper nowhere.
 *
 * V(o') of the one successor that was seen stands in an exponential: in a noisy world q
 * seeks risk. With `draws` the model's mean of phi over as many draws takes its place;
 * what noise is left in that mean is sought likewise, the more the larger epsilon is.
 * The mass of the absorbing state takes part in the KL, so where ends are frequent the
 * rows have more than epsilon to themselves.
 */
#include <math.h>
#include <string.h>

#include "control/registry.h"
#include "control/reps_features.h"
#include "control/weighted_fit.h"
#include "inference/messages/flow_dual.h"

static const elbo_option options[] = {
    ELBO_TASK_NETWORK_OPTIONS("2", "64", "relu"),
    ELBO_TASK_POLICY_OPTIONS("linear", "0.7"),
    {.name = "features",
                       .type = ELBO_CHOICE,
                       .unit = "",
                       .choices = "fourier|quadratic|network",
                       .fallback = "fourier",
                       .doc = "that V is linear in, beside 1 and the observation: random "
            "cosines, all "
            "products of two components, or the last layer of a network drawn "
            "once"},
    {.name = "features_n",
                       .type = ELBO_INT,
                       .unit = "",
                       .low = 1,
                       .high = 2000,
                       .fallback = "50",
                       .doc = "how many cosines or units"},
    {.name = "epsilon",
                       .type = ELBO_REAL,
                       .unit = "nats",
                       .low = 1e-9,
                       .high = 1e3,
                       .fallback = "0.5",
                       .doc = "KL(q || p) of the samples"},
    {.name = "window",
                       .type = ELBO_INT,
                       .unit = "transitions",
                       .low = 0,
                       .high = 1e9,
                       .fallback = "5000",
                       .doc = "the newest rows of data, which p is; 0: all"},
    {.name = "ridge",
                       .type = ELBO_REAL,
                       .unit = "",
                       .low = 0,
                       .high = 1e6,
                       .fallback = "1e-12",
                       .doc = "of the flow's constraint: |flow| = ridge |w|; 0: none"},
    {.name = "draws",
                       .type = ELBO_INT,
                       .unit = "",
                       .low = 0,
                       .high = 1000,
                       .fallback = "0",
                       .doc = "of the model, over which the successor's features are averaged; "
            "0: the "
            "successor that was seen"},
    {.name = "batch",
                       .type = ELBO_INT,
                       .unit = "",
                       .low = 1,
                       .high = 65536,
                       .fallback = "256",
                       .doc = "transitions of an update of the policy"},
    {.name = "rate",
                       .type = ELBO_REAL,
                       .unit = "",
                       .low = 0,
                       .high = 1,
                       .fallback = "1e-3",
                       .doc =
         "Adam's step for the policy; a linear one is fitted in closed form"},
    {.name = "clip",
                       .type = ELBO_REAL,
                       .unit = "",
                       .low = 1e-12,
                       .high = INFINITY,
                       .fallback = "inf",
                       .doc = "longest gradient that is not shortened"},
    {0          },
};

enum { ETA, KL, FLOW, EFFECTIVE, DUAL, POLICY, COLUMNS };

typedef struct reps {
    elbo_task_problem problem;
    elbo_task_policy policy;
    elbo_weighted_fit fit;
    elbo_reps_features features;
    double epsilon, ridge;
    size_t window, draws;
    double eta, *w; /* [m + 1]: the last is the absorbing state's */
    float *o, *u;   /* [batch x no], [batch x nu] */
    double *weight; /* [batch] */
    uint64_t rounds, updates;
    double last_finite; /* loss of the policy */
    double columns[COLUMNS];
} reps;

static elbo_reps_kind kind_of(const elbo_values *v)
{
    if (elbo_choice_is(v, "features", "fourier")) return ELBO_REPS_FOURIER;
    return elbo_choice_is(v, "features", "quadratic") ? ELBO_REPS_QUADRATIC
                                                      : ELBO_REPS_NETWORK;
}

static elbo_status open_reps(const elbo_values *values,
                             const elbo_task_problem *problem,
                             elbo_arena *arena, void **self)
{
    reps *const a = elbo_arena_take(arena, 1, sizeof *a);
    const elbo_task_world *const w = problem->world;
    const size_t batch = (size_t)elbo_int(values, "batch");
    elbo_adam_config adam = elbo_adam_defaults;

    ELBO_TRY(elbo_arena_check(arena, "control reps"));
    if (!(problem->gamma < 1))
        return ELBO_FAIL(ELBO_EINVAL,
                         "reps needs a discount below 1: its flow is that of "
                         "a process that begins anew");
    a->problem = *problem;
    a->epsilon = elbo_real(values, "epsilon");
    a->ridge = elbo_real(values, "ridge");
    a->window = (size_t)elbo_int(values, "window");
    a->draws = (size_t)elbo_int(values, "draws");
    a->eta = 1;
    a->last_finite = NAN;
    adam.rate = elbo_real(values, "rate");
    adam.clip = elbo_real(values, "clip");
    ELBO_TRY(elbo_task_policy_open(values, w, false, &a->policy));
    ELBO_TRY(elbo_weighted_fit_init(&a->fit, &a->policy, batch, &adam,
                                    problem->seed, arena));
    ELBO_TRY(elbo_reps_features_open(&a->features, kind_of(values), w->no,
                                     (size_t)elbo_int(values, "features_n"),
                                     problem->seed, arena));
    a->w = elbo_arena_take(arena, a->features.m + 1, sizeof *a->w);
    a->o = elbo_arena_take(arena, batch * w->no, sizeof(float));
    a->u = elbo_arena_take(arena, batch * w->nu, sizeof(float));
    a->weight = elbo_arena_doubles(arena, batch);
    *self = a;
    return elbo_arena_check(arena, "control reps");
}

/* ---- the samples ---- */

/* All that p is: n rows, then the absorbing state. */
typedef struct samples {
    size_t n;
    float *o, *u, *next; /* [n x no], ... */
    bool *end;           /* [n] */
    bool *first;         /* [n] an episode began here */
    double *r, *p;       /* [n + 1] */
    double *q;           /* [n + 1] */
    gsl_matrix *D;       /* [n + 1 x m + 1] */
} samples;

static void take_row(samples *s, size_t i, const elbo_replay *from, size_t slot,
                     double mass)
{
    const size_t no = from->no, nu = from->nu;

    memcpy(s->o + i * no, from->o + slot * no, no * sizeof(float));
    memcpy(s->u + i * nu, from->u + slot * nu, nu * sizeof(float));
    memcpy(s->next + i * no, from->next + slot * no, no * sizeof(float));
    s->r[i] = (double)from->reward[slot];
    s->end[i] = from->end[slot];
    s->first[i] = from->step[slot] == 0;
    s->p[i] = mass;
}

static elbo_status take_samples(const reps *a, const elbo_task_estep *estep,
                                samples *s, elbo_arena *ws)
{
    const elbo_replay *const data = estep->data, *const made = estep->rollouts;
    const size_t no = a->problem.world->no, nu = a->problem.world->nu;
    const size_t held = data->n, all = made ? made->n : 0;
    const size_t n = a->window && a->window < held ? a->window : held;
    const double share = all == 0 ? 1 : n == 0 ? 0 : estep->real;

    if (n + all == 0)
        return ELBO_FAIL(ELBO_EDATA,
                         "no transition to learn from: neither data nor "
                         "rollouts hold a row");
    *s = (samples){
        .n = n + all,
        .o = elbo_arena_take(ws, (n + all) * no, sizeof(float)),
        .u = elbo_arena_take(ws, (n + all) * nu, sizeof(float)),
        .next = elbo_arena_take(ws, (n + all) * no, sizeof(float)),
        .end = elbo_arena_take(ws, n + all, sizeof(bool)),
        .first = elbo_arena_take(ws, n + all, sizeof(bool)),
        .r = elbo_arena_doubles(ws, n + all + 1),
        .p = elbo_arena_doubles(ws, n + all + 1),
        .q = elbo_arena_doubles(ws, n + all + 1),
        .D = elbo_arena_mat(ws, n + all + 1, a->features.m + 1),
    };
    ELBO_TRY(elbo_arena_check(ws, "control reps"));
    for (size_t i = 0; i < n; i++) /* the newest n */
        take_row(s, i, data, (data->pushed - n + i) % data->capacity,
                 share / (double)n);
    for (size_t i = 0; i < all; i++)
        take_row(s, n + i, made, i,
                 (1 - share) / (double)all
                     * (estep->rollout_weight ? estep->rollout_weight[i] : 1));
    return ELBO_OK;
}

/* The absorbing state's mass, then p sums to 1. */
static void close_measure(const reps *a, samples *s)
{
    const double gamma = a->problem.gamma;
    double ended = 0, total = 0;

    for (size_t i = 0; i < s->n; i++) ended += s->end[i] ? s->p[i] : 0;
    s->r[s->n] = 0;
    s->p[s->n] = ended * gamma / (1 - gamma);
    for (size_t i = 0; i <= s->n; i++) total += s->p[i];
    for (size_t i = 0; i <= s->n; i++) s->p[i] /= total;
}

/* ---- the flow ---- */

/* E_mu phi over the rows where an episode began, by their mass, into phi0 [m].
 */
static void starts(const samples *s, size_t m, const double phi[],
                   double phi0[])
{
    double total = 0, all = 0;

    for (size_t i = 0; i < s->n; i++) {
        total += s->first[i] ? s->p[i] : 0;
        all += s->p[i];
    }
    memset(phi0, 0, m * sizeof *phi0);
    for (size_t i = 0; i < s->n; i++) {
        const double share =
            total > 0 ? (s->first[i] ? s->p[i] / total : 0) : s->p[i] / all;

        for (size_t k = 0; k < m; k++) phi0[k] += share * phi[i * m + k];
    }
}

/* after [n x m] and going [n]: the model's means over draws of phi at the
 * successor, where it goes on, and of whether it does. */
static elbo_status imagine(const reps *a, const samples *s, double after[],
                           double going[], elbo_arena *ws)
{
    const elbo_task_belief *const belief = a->problem.belief;
    const size_t n = s->n, m = a->features.m;
    float *const next =
        elbo_arena_take(ws, n * a->problem.world->no, sizeof *next);
    float *const reward = elbo_arena_take(ws, n, sizeof *reward);
    uint8_t *const end = elbo_arena_take(ws, n, 1);
    uint32_t *const member = elbo_arena_u32(ws, n), *const elite =
                                                        elbo_arena_u32(
                                                            ws,
                                                            belief->members);
    elbo_rng *const rng = elbo_arena_take(ws, n, sizeof *rng);
    double *const phi = elbo_arena_doubles(ws, n * m);

    ELBO_TRY(elbo_arena_check(ws, "control reps"));

    const size_t elites = belief->model->elites(belief, elite);

    memset(after, 0, n * m * sizeof *after);
    memset(going, 0, n * sizeof *going);
    for (size_t d = 0; d < a->draws; d++) {
        for (size_t i = 0; i < n; i++) {
            rng[i] = elbo_rng_stream(a->problem.seed, "control draws",
                                     (a->rounds * a->draws + d) * n + i);
            member[i] = elite[elbo_rng_below(&rng[i], elites)];
        }
        ELBO_TRY(belief->model->draw(belief, n, s->o, s->u, member, rng, false,
                                     next, reward, end, ws));
        ELBO_TRY(elbo_reps_features_rows(&a->features, n, next, phi, ws));
        for (size_t i = 0; i < n; i++) {
            if (end[i]) continue;
            going[i] += 1 / (double)a->draws;
            for (size_t k = 0; k < m; k++)
                after[i * m + k] += phi[i * m + k] / (double)a->draws;
        }
    }
    return ELBO_OK;
}

/* D_i = gamma phi(o') - phi(o) + (1 - gamma) phi0, with the absorbing state's
 * feature last: 0 at observations, 1 there. */
static elbo_status flow_features(reps *a, samples *s, elbo_arena *ws)
{
    const size_t n = s->n, m = a->features.m;
    const double gamma = a->problem.gamma;
    double *const phi = elbo_arena_doubles(ws, n * m);
    double *const after = elbo_arena_doubles(ws, n * m);
    double *const phi0 = elbo_arena_doubles(ws, m);
    double *const going = elbo_arena_doubles(ws, n);

    ELBO_TRY(elbo_arena_check(ws, "control reps"));
    elbo_reps_features_scale(&a->features, n, s->o);
    ELBO_TRY(elbo_reps_features_rows(&a->features, n, s->o, phi, ws));
    starts(s, m, phi, phi0);
    if (a->draws > 0) {
        ELBO_TRY(imagine(a, s, after, going, ws));
    } else {
        ELBO_TRY(elbo_reps_features_rows(&a->features, n, s->next, after, ws));
        for (size_t i = 0; i < n; i++) going[i] = s->end[i] ? 0 : 1;
        for (size_t k = 0; k < n * m; k++) after[k] *= going[k / m];
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < m; k++)
            gsl_matrix_set(s->D, i, k,
                           gamma * after[i * m + k] - phi[i * m + k]
                               + (1 - gamma) * phi0[k]);
        gsl_matrix_set(s->D, i, m, gamma * (1 - going[i]));
    }
    for (size_t k = 0; k < m; k++)
        gsl_matrix_set(s->D, n, k, (1 - gamma) * phi0[k]);
    gsl_matrix_set(s->D, n, m, gamma - 1);
    return ELBO_OK;
}

/* ---- the steps ---- */

static elbo_status weigh(reps *a, samples *s, elbo_arena *ws)
{
    elbo_flow_dual f = elbo_flow_dual_defaults;
    elbo_flow_dual_info info;

    f.n = s->n + 1;
    f.m = a->features.m + 1;
    f.r = s->r;
    f.D = s->D;
    f.p = s->p;
    f.epsilon = a->epsilon;
    f.ridge = a->ridge;
    ELBO_TRY(elbo_flow_dual_solve(&f, a->w, &a->eta, s->q, &info, ws));
    a->columns[ETA] = info.eta;
    a->columns[KL] = info.kl;
    a->columns[FLOW] = info.flow;
    a->columns[EFFECTIVE] = info.ess;
    a->columns[DUAL] = info.dual;
    return ELBO_OK;
}

/* Steps of Adam on rows drawn by p, weighted by q / p, whose mean is 1. */
static elbo_status fit_network(reps *a, const samples *s, size_t updates)
{
    const size_t no = a->problem.world->no, nu = a->problem.world->nu;
    double mean = 0;

    for (size_t k = 0; k < updates; k++, a->updates++) {
        elbo_rng rng = elbo_rng_stream(a->problem.seed, "control", a->updates);
        double loss;

        for (size_t i = 0; i < a->fit.batch; i++) {
            const size_t row = elbo_rng_below(&rng, s->n);

            memcpy(a->o + i * no, s->o + row * no, no * sizeof(float));
            memcpy(a->u + i * nu, s->u + row * nu, nu * sizeof(float));
            a->weight[i] = s->q[row] * (double)s->n;
        }
        ELBO_TRY(elbo_weighted_fit_step(&a->fit, a->o, a->u, a->weight, &loss));
        a->last_finite = loss;
        mean += loss / (double)updates;
    }
    a->columns[POLICY] = mean;
    return ELBO_OK;
}

static elbo_status fit_policy(reps *a, const samples *s, size_t updates,
                              elbo_arena *ws)
{
    const elbo_task_policy *const p = &a->policy;

    if (p->mlp.layers == 1 && !p->bounded && !p->world->choices) {
        ELBO_TRY(elbo_weighted_fit_linear(&a->fit, s->n, s->o, s->u, s->q, 1e-9,
                                          ws));
        a->updates += updates;
        return ELBO_OK;
    }
    return fit_network(a, s, updates);
}

static elbo_status solve(reps *a, const elbo_task_estep *estep, elbo_arena *ws)
{
    samples s;

    ELBO_TRY(take_samples(a, estep, &s, ws));
    close_measure(a, &s);
    ELBO_TRY(flow_features(a, &s, ws));
    ELBO_TRY(weigh(a, &s, ws));
    ELBO_TRY(fit_policy(a, &s, estep->updates, ws));
    a->rounds++;
    return ELBO_OK;
}

static elbo_status improve(void *self, const elbo_task_estep *estep,
                           elbo_arena *ws)
{
    reps *const a = self;
    const elbo_mark mark = elbo_arena_mark(ws);

    if (estep->updates == 0) return ELBO_OK;

    const elbo_status s = solve(a, estep, ws);

    elbo_arena_release(ws, mark);
    if (s == ELBO_OK) return ELBO_OK;
    return elbo_fail_prefix(
        "reps, update %llu (last finite loss of the policy %g)",
        (unsigned long long)a->updates, a->last_finite);
}

static elbo_status act(void *self, const elbo_task_act *act, elbo_arena *ws)
{
    const reps *const a = self;

    return elbo_task_policy_act(&a->policy, a->fit.theta, act, ws);
}

static const char *const column_names[] = {
    "eta",         "kl_samples", "flow_residual", "weight_ess", "dual",
    "policy_loss", NULL};

static void columns(const void *self, double out[])
{
    memcpy(out, ((const reps *)self)->columns, sizeof(double) * COLUMNS);
}

static void save(const void *self, elbo_writer *out)
{
    const reps *const a = self;
    const double numbers[] = {a->eta, a->last_finite};

    elbo_put_u64(out, a->rounds);
    elbo_put_u64(out, a->updates);
    elbo_put_doubles(out, numbers, 2);
    elbo_put_doubles(out, a->columns, COLUMNS);
    elbo_put_doubles(out, a->w, a->features.m + 1);
    elbo_reps_features_save(&a->features, out);
    elbo_weighted_fit_save(&a->fit, out);
}

static elbo_status load(void *self, elbo_reader *in)
{
    reps *const a = self;
    double numbers[2];

    ELBO_TRY(elbo_get_u64(in, &a->rounds));
    ELBO_TRY(elbo_get_u64(in, &a->updates));
    ELBO_TRY(elbo_get_doubles(in, numbers, 2));
    ELBO_TRY(elbo_get_doubles(in, a->columns, COLUMNS));
    ELBO_TRY(elbo_get_doubles(in, a->w, a->features.m + 1));
    ELBO_TRY(elbo_reps_features_load(&a->features, in));
    a->eta = numbers[0];
    a->last_finite = numbers[1];
    return elbo_weighted_fit_load(&a->fit, in);
}

static const elbo_task_control task = {
    .kind =
        "return within a KL ball about the data: q respects the sampled flow, "
        "softly; "
        "seeks risk in noisy worlds where one successor stands for the mean",
    .box = true,
    .choices = true,
    .open = open_reps,
    .improve = improve,
    .act = act,
    .column_names = column_names,
    .columns = columns,
    .save = save,
    .load = load,
};

const elbo_control elbo_control_reps = {
    .name = "reps",
    .source = "Peters, Muelling, Altun, AAAI 2010",
    .doc = "relative entropy policy search by its exact dual, in control tasks",
    .options = options,
    .optimality = ELBO_EXPONENTIAL,
    .hard = true,
    .task = &task,
};

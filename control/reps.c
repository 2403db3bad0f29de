/* control/reps.c -- relative entropy policy search in control tasks.
 *
 *   max_q E_q r   s.t.  KL(q || p) <= epsilon,  q's flow is a discounted process's
 *   delta = r + gamma V(o') - V(o) + (1 - gamma) E_mu V,   V = w'phi
 *   q ~ p exp(delta / eta),  (eta, w) by the dual
 *   pi <- argmax E_q log pi(u|o)
 *
 * p is the window of the last rows of data, and the rollouts beside it by their share;
 * mu is where episodes begin. V(o') of the one successor that was seen stands in an
 * exponential: in a noisy world q seeks risk. With `draws` the model's mean of phi over
 * as many draws takes its place; what noise is left in that mean is sought likewise,
 * the more the larger epsilon is.
 */
#include <math.h>
#include <string.h>

#include "control/learner.h"
#include "control/registry.h"
#include "control/reps_state.h"
#include "inference/messages/flow_dual.h"

static const elbo_option options[] = {
    ELBO_NETWORK_SHAPE(0, "2", "64", "relu"),
    ELBO_TASK_POLICY_OPTIONS("linear", "0.7"),
    {.name = "features",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "fourier|quadratic|network",
     .fallback = "fourier",
     .doc = "that V is linear in, beside 1 and the observation: random cosines, "
            "all products of two components, or the last layer of a network drawn "
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
     .doc = "of the model, over which the successor's features are averaged; 0: "
            "the successor that was seen"},
    ELBO_NETWORK_LEARNING("256", "1e-3",
                          "Adam's step for the policy; a linear one is fitted in "
                          "closed form"),
    {0},
};



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
    elbo_reps *const a = elbo_arena_take(arena, 1, sizeof *a);
    const elbo_task_world *const w = problem->world;
    const size_t batch = (size_t)elbo_int(values, "batch");
    const elbo_adam_config adam = elbo_network_adam(values, "rate");

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
    ELBO_TRY(elbo_arena_check(arena, "control reps"));
    *self = a;
    return elbo_reps_value_open(a, arena);
}

/* E_mu V = E_q r / (1 - gamma), and V as others read it. */
static void set_value(elbo_reps *a, const elbo_reps_samples *s)
{
    double promised = 0, start = 0;

    for (size_t i = 0; i <= s->n; i++) promised += s->q[i] * s->r[i];
    for (size_t k = 0; k < a->features.m; k++) start += a->w[k] * s->phi0[k];
    a->offset = promised / (1 - a->problem.gamma) - start;
    elbo_reps_value_fill(a);
}

static elbo_status weigh(elbo_reps *a, elbo_reps_samples *s, elbo_arena *ws)
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
    set_value(a, s);
    a->columns[ELBO_REPS_ETA] = info.eta;
    a->columns[ELBO_REPS_KL] = info.kl;
    a->columns[ELBO_REPS_FLOW] = info.flow;
    a->columns[ELBO_REPS_EFFECTIVE] = info.ess;
    a->columns[ELBO_REPS_DUAL] = info.dual;
    return ELBO_OK;
}

/* Steps of Adam on rows drawn by p, weighted by q / p, whose mean is 1. */
static elbo_status fit_network(elbo_reps *a, const elbo_reps_samples *s, size_t updates)
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
    a->columns[ELBO_REPS_LOSS] = mean;
    return ELBO_OK;
}

/* An affine policy has its weighted fit, and no loss. */
static bool in_closed_form(const elbo_reps *a)
{
    const elbo_task_policy *const p = &a->policy;

    return p->mlp.layers == 1 && !p->bounded && !p->world->choices;
}

static elbo_status fit_policy(elbo_reps *a, const elbo_reps_samples *s, size_t updates,
                              elbo_arena *ws)
{
    if (in_closed_form(a)) {
        ELBO_TRY(elbo_weighted_fit_linear(&a->fit, s->n, s->o, s->u, s->q, 1e-9,
                                          ws));
        a->updates += updates;
        return ELBO_OK;
    }
    return fit_network(a, s, updates);
}

static elbo_status solve(elbo_reps *a, const elbo_task_estep *estep, elbo_arena *ws)
{
    elbo_reps_samples s;

    ELBO_TRY(elbo_reps_gather(a, estep, &s, ws));
    ELBO_TRY(weigh(a, &s, ws));
    ELBO_TRY(fit_policy(a, &s, estep->updates, ws));
    a->rounds++;
    return ELBO_OK;
}

static elbo_status improve(void *self, const elbo_task_estep *estep,
                           elbo_arena *ws)
{
    elbo_reps *const a = self;
    const elbo_mark mark = elbo_arena_mark(ws);

    if (estep->updates == 0) return ELBO_OK;

    const elbo_status s = solve(a, estep, ws);

    elbo_arena_release(ws, mark);
    if (s == ELBO_OK) return ELBO_OK;

    char before[ELBO_LOSS_TEXT];

    return elbo_fail_prefix("reps, update %llu (the policy: %s)",
                            (unsigned long long)a->updates,
                            in_closed_form(a)
                                ? "in closed form"
                                : elbo_loss_before(a->last_finite, before));
}

static elbo_status act(void *self, const elbo_task_act *act, elbo_arena *ws)
{
    const elbo_reps *const a = self;

    return elbo_task_policy_act(&a->policy, a->fit.theta, act, ws);
}

static const char *const column_names[] = {
    "eta",         "kl_samples", "flow_residual", "weight_ess", "dual",
    "policy_loss", NULL};

static void columns(const void *self, double out[])
{
    memcpy(out, ((const elbo_reps *)self)->columns, sizeof(double) * ELBO_REPS_COLUMNS);
}

static void save(const void *self, elbo_writer *out)
{
    const elbo_reps *const a = self;
    const double numbers[] = {a->eta, a->last_finite, a->offset};

    elbo_put_u64(out, a->rounds);
    elbo_put_u64(out, a->updates);
    elbo_put_doubles(out, numbers, 3);
    elbo_put_doubles(out, a->columns, ELBO_REPS_COLUMNS);
    elbo_put_doubles(out, a->w, a->features.m + 1);
    elbo_reps_features_save(&a->features, out);
    elbo_weighted_fit_save(&a->fit, out);
}

static elbo_status load(void *self, elbo_reader *in)
{
    elbo_reps *const a = self;
    double numbers[3];

    ELBO_TRY(elbo_get_u64(in, &a->rounds));
    ELBO_TRY(elbo_get_u64(in, &a->updates));
    ELBO_TRY(elbo_get_doubles(in, numbers, 3));
    ELBO_TRY(elbo_get_doubles(in, a->columns, ELBO_REPS_COLUMNS));
    ELBO_TRY(elbo_get_doubles(in, a->w, a->features.m + 1));
    ELBO_TRY(elbo_reps_features_load(&a->features, in));
    a->eta = numbers[0];
    a->last_finite = numbers[1];
    a->offset = numbers[2];
    elbo_reps_value_fill(a);
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
    .value = elbo_reps_value,
    .value_node = elbo_reps_value_node,
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

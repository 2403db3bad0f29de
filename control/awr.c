/* control/awr.c -- advantage-weighted regression in control tasks.
 *
 *   G   = TD(lambda) returns along the paths of data and rollouts
 *   V  <- argmin E (V(o) - G)^2 / 2
 *   pi <- argmax E w log pi(u|o),  w = min(exp(A / beta), clip),  A = G - V(o)
 *
 * A is standardised over all rows where `standardise` says so, as the published code
 * has it. Both by steps of Adam on batches mixed of data and rollouts, V first; returns
 * are computed before each. The paper's weights come from a KL ball about the
 * behaviour policy, with a normaliser Z(o) of each state that it drops: so here, and
 * weights compare across states. The share of effective samples is a column.
 */
#include <math.h>
#include <string.h>

#include "control/learner.h"
#include "control/minibatch.h"
#include "control/registry.h"
#include "control/weighted_fit.h"
#include "inference/messages/reweight.h"
#include "inference/networks/critic.h"
#include "inference/networks/td_lambda.h"

static const elbo_option options[] = {
    ELBO_NETWORK_SHAPE(0, "2", "128", "relu"),
    ELBO_TASK_POLICY_OPTIONS("tanh", "0.4"),
    {.name = "learn_std",
     .type = ELBO_BOOL,
     .unit = "",
     .fallback = "false",
     .doc = "the standard deviation is learnt too, not fixed as published"},
    ELBO_NETWORK_LEARNING("256", "3e-4", "Adam's step for the policy"),
    {.name = "value_rate",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "1e-3",
     .doc = "Adam's step for V; 0: rate"},
    {.name = "lambda",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0.95",
     .doc = "of the returns: 0 bootstraps at once, 1 where the path ends"},
    {.name = "beta",
     .type = ELBO_REAL,
     .unit = "reward",
     .low = 1e-6,
     .high = 1e6,
     .fallback = "1",
     .doc = "temperature of the weights; in standard deviations where A is "
            "standardised"},
    {.name = "weight_clip",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-6,
     .high = INFINITY,
     .fallback = "20",
     .doc = "largest weight"},
    {.name = "standardise",
     .type = ELBO_BOOL,
     .unit = "",
     .fallback = "true",
     .doc = "advantages less their mean, over their standard deviation plus 1e-5"},
    {0},
};

/* Advantages of a replay's rows, by slot. */
typedef struct path_values {
    double *G, *A; /* [n] */
} path_values;

enum { EFFECTIVE, CLIPPED, SPREAD, CRITIC, POLICY, COLUMNS };

typedef struct awr {
    elbo_task_problem problem;
    elbo_task_policy policy;
    elbo_weighted_fit fit;
    elbo_critic V; /* of no actions */
    double lambda, beta, weight_clip;
    bool standardise;
    elbo_minibatch batch;
    float *goal;    /* [batch] */
    double *weight; /* [batch] */
    uint64_t updates;
    double last_finite; /* loss of V */
    double columns[COLUMNS];
} awr;

static elbo_status open_networks(awr *a, const elbo_values *v,
                                 elbo_arena *arena)
{
    const elbo_task_world *const w = a->problem.world;
    const size_t batch = (size_t)elbo_int(v, "batch");
    elbo_critic_config config = elbo_network_critic(v, "value_rate");
    const elbo_adam_config adam = elbo_network_adam(v, "rate");

    config.no = w->no;
    ELBO_TRY(
        elbo_task_policy_open(v, w, !elbo_flag(v, "learn_std"), &a->policy));
    ELBO_TRY(elbo_weighted_fit_init(&a->fit, &a->policy, batch, &adam,
                                    a->problem.seed, arena));
    ELBO_TRY(elbo_critic_init(&a->V, &config, a->problem.seed, arena));
    return elbo_minibatch_init(&a->batch, w, batch, arena);
}

static elbo_status open_awr(const elbo_values *values,
                            const elbo_task_problem *problem, elbo_arena *arena,
                            void **self)
{
    awr *const a = elbo_arena_take(arena, 1, sizeof *a);

    ELBO_TRY(elbo_arena_check(arena, "control awr"));
    a->problem = *problem;
    a->lambda = elbo_real(values, "lambda");
    a->beta = elbo_real(values, "beta");
    a->weight_clip = elbo_real(values, "weight_clip");
    a->standardise = elbo_flag(values, "standardise");
    a->last_finite = NAN;
    ELBO_TRY(open_networks(a, values, arena));
    a->goal = elbo_arena_take(arena, a->batch.rows, sizeof(float));
    a->weight = elbo_arena_doubles(arena, a->batch.rows);
    ELBO_TRY(elbo_arena_check(arena, "control awr"));
    *self = a;
    return ELBO_OK;
}

/* Returns and advantages of all rows of a replay under the present V. */
static elbo_status value_paths(const awr *a, const elbo_replay *replay,
                               const path_values *out, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    float *const V = elbo_arena_take(ws, replay->n, sizeof *V);
    elbo_status s = elbo_arena_check(ws, "returns");

    if (s == ELBO_OK)
        s = elbo_critic_forward(&a->V, false, replay->n, replay->next, V, ws);
    if (s == ELBO_OK)
        s = elbo_td_lambda(replay, V, a->problem.gamma, a->lambda, out->G, ws);
    if (s == ELBO_OK)
        s = elbo_critic_forward(&a->V, false, replay->n, replay->o, V, ws);
    for (size_t i = 0; s == ELBO_OK && i < replay->n; i++)
        out->A[i] = out->G[i] - (double)V[i];
    elbo_arena_release(ws, mark);
    return s;
}

/* The rows' values: of the data, then of the rollouts. */
static elbo_status value_all(const awr *a, const elbo_task_estep *estep,
                             const path_values of[2], elbo_arena *ws)
{
    ELBO_TRY(value_paths(a, estep->data, &of[0], ws));
    return estep->rollouts ? value_paths(a, estep->rollouts, &of[1], ws)
                           : ELBO_OK;
}

/* Mean and standard deviation of A over the rows of both, by their shares. */
static void spread(const elbo_task_estep *estep, const path_values of[2],
                   double *mean, double *std)
{
    const size_t n[2] = {estep->data->n,
                         estep->rollouts ? estep->rollouts->n : 0};
    const double share[2] = {n[1] == 0   ? 1
                             : n[0] == 0 ? 0
                                         : estep->real,
                             n[1] == 0   ? 0
                             : n[0] == 0 ? 1
                                         : 1 - estep->real};
    double sum = 0, squares = 0;

    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < n[k]; i++)
            sum += share[k] / (double)n[k] * of[k].A[i];
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < n[k]; i++)
            squares += share[k] / (double)n[k] * (of[k].A[i] - sum)
                       * (of[k].A[i] - sum);
    *mean = sum;
    *std = sqrt(squares);
}

/* Rows below `real` are of the data. */
static size_t real_rows(const awr *a, const elbo_task_estep *estep)
{
    const bool imagined = estep->rollouts && estep->rollouts->n > 0;

    return imagined ? (size_t)(estep->real * (double)a->batch.rows + 0.5)
                    : a->batch.rows;
}

static elbo_status fit_value(awr *a, const elbo_task_estep *estep,
                             const path_values of[2], elbo_rng *rng)
{
    const size_t real = real_rows(a, estep);
    double loss;

    ELBO_TRY(elbo_minibatch_draw(&a->batch, estep, rng));
    for (size_t i = 0; i < a->batch.rows; i++)
        a->goal[i] = (float)of[i < real ? 0 : 1].G[a->batch.slot[i]];
    ELBO_TRY(elbo_critic_step(&a->V, a->batch.o, NULL, a->goal, a->batch.weight,
                              &loss));
    a->last_finite = loss;
    a->columns[CRITIC] += loss / (double)estep->updates;
    return ELBO_OK;
}

static elbo_status fit_policy(awr *a, const elbo_task_estep *estep,
                              const path_values of[2], double mean, double std,
                              elbo_rng *rng)
{
    const size_t real = real_rows(a, estep), n = a->batch.rows;
    double loss, clipped = 0;

    ELBO_TRY(elbo_minibatch_draw(&a->batch, estep, rng));
    for (size_t i = 0; i < n; i++) {
        double A = of[i < real ? 0 : 1].A[a->batch.slot[i]];

        if (a->standardise) A = (A - mean) / (std + 1e-5);

        const double w = exp(fmin(A / a->beta, 700));

        clipped += w > a->weight_clip;
        a->weight[i] = fmin(w, a->weight_clip) * (double)a->batch.weight[i];
    }
    ELBO_TRY(elbo_weighted_fit_step(&a->fit, a->batch.o, a->batch.u, a->weight,
                                    &loss));

    const double share = 1 / (double)estep->updates;

    a->columns[EFFECTIVE] += share * elbo_weight_ess(n, a->weight) / (double)n;
    a->columns[CLIPPED] += share * clipped / (double)n;
    a->columns[POLICY] += share * loss;
    return ELBO_OK;
}

static elbo_status update(awr *a, const elbo_task_estep *estep, elbo_arena *ws)
{
    const size_t n[2] = {estep->data->n,
                         estep->rollouts ? estep->rollouts->n : 0};
    const path_values of[2] = {
        {elbo_arena_doubles(ws, n[0]), elbo_arena_doubles(ws, n[0])},
        {elbo_arena_doubles(ws, n[1]), elbo_arena_doubles(ws, n[1])},
    };
    double mean, std;

    ELBO_TRY(elbo_arena_check(ws, "control awr"));
    ELBO_TRY(value_all(a, estep, of, ws));
    for (size_t k = 0; k < estep->updates; k++) {
        elbo_rng rng =
            elbo_rng_stream(a->problem.seed, "control value", a->updates + k);

        ELBO_TRY(fit_value(a, estep, of, &rng));
    }
    ELBO_TRY(value_all(a, estep, of, ws));
    spread(estep, of, &mean, &std);
    a->columns[SPREAD] = std;
    for (size_t k = 0; k < estep->updates; k++, a->updates++) {
        elbo_rng rng = elbo_rng_stream(a->problem.seed, "control", a->updates);

        ELBO_TRY(fit_policy(a, estep, of, mean, std, &rng));
    }
    return ELBO_OK;
}

static elbo_status improve(void *self, const elbo_task_estep *estep,
                           elbo_arena *ws)
{
    awr *const a = self;
    const elbo_mark mark = elbo_arena_mark(ws);

    if (estep->updates == 0) return ELBO_OK;
    memset(a->columns, 0, sizeof a->columns);

    const elbo_status s = update(a, estep, ws);

    elbo_arena_release(ws, mark);
    if (s == ELBO_OK) return ELBO_OK;

    char before[ELBO_LOSS_TEXT];

    return elbo_fail_prefix("awr, update %llu (V: %s)",
                            (unsigned long long)a->updates,
                            elbo_loss_before(a->last_finite, before));
}

static elbo_status act(void *self, const elbo_task_act *act, elbo_arena *ws)
{
    const awr *const a = self;

    return elbo_task_policy_act(&a->policy, a->fit.theta, act, ws);
}

static elbo_status value_node(void *self, elbo_tape *tape, elbo_node o,
                              elbo_node *V)
{
    awr *const a = self;

    *V = elbo_critic_least(&a->V, tape, o);
    return ELBO_OK;
}

static elbo_status value(void *self, size_t n, const float o[], float V[],
                         float gradient[], elbo_arena *ws)
{
    const awr *const a = self;

    return elbo_task_value_by_node(value_node, self, a->problem.world->no, n, o,
                                   V, gradient, ws);
}

static const char *const column_names[] = {"weight_ess",    "weights_clipped",
                                           "advantage_std", "critic_loss",
                                           "policy_loss",   NULL};

static void columns(const void *self, double out[])
{
    memcpy(out, ((const awr *)self)->columns, sizeof(double) * COLUMNS);
}

static void save(const void *self, elbo_writer *out)
{
    const awr *const a = self;

    elbo_put_u64(out, a->updates);
    elbo_put_f64(out, a->last_finite);
    elbo_put_doubles(out, a->columns, COLUMNS);
    elbo_weighted_fit_save(&a->fit, out);
    elbo_critic_save(&a->V, out);
}

static elbo_status load(void *self, elbo_reader *in)
{
    awr *const a = self;

    ELBO_TRY(elbo_get_u64(in, &a->updates));
    ELBO_TRY(elbo_get_f64(in, &a->last_finite));
    ELBO_TRY(elbo_get_doubles(in, a->columns, COLUMNS));
    ELBO_TRY(elbo_weighted_fit_load(&a->fit, in));
    return elbo_critic_load(&a->V, in);
}

static const elbo_task_control task = {
    .kind = "return by weighted maximum likelihood of the data's actions, the "
            "normaliser of each state dropped: no bound",
    .box = true,
    .choices = true,
    .open = open_awr,
    .improve = improve,
    .act = act,
    .value = value,
    .value_node = value_node,
    .column_names = column_names,
    .columns = columns,
    .save = save,
    .load = load,
};

const elbo_control elbo_control_awr = {
    .name = "awr",
    .source = "Peng, Kumar, Zhang, Levine 2019",
    .doc = "advantage-weighted regression on TD(lambda) returns, in control tasks",
    .options = options,
    .optimality = ELBO_EXPONENTIAL,
    .hard = true,
    .task = &task,
};

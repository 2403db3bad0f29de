/* control/mpo.c -- maximum a posteriori policy optimisation in control tasks.
 *
 *   E-step   q(a|o) ~ pi_old(a|o) exp(Q(o, a) / eta),  eta by its dual
 *   M-step   weighted maximum likelihood of pi within decoupled trust regions
 *   critic   Q(o, u) <- r + gamma E_pi_old Q_target(o', a): expected SARSA
 *
 * The dual puts mean KL(q || pi_old) at epsilon. pi_old and Q_target are copies,
 * renewed together every `period` updates. As in acme's code the E-step's states are
 * the successors in the batch, so that one evaluation of Q serves critic and policy; a
 * transition that ended gives its own. The prior is pi_old itself, so F has no
 * temperature: its fixed point is the best return. The paper's critic is Retrace's.
 */
#include <math.h>
#include <string.h>

#include "control/mpo_state.h"
#include "control/registry.h"

static const elbo_option options[] = {
    ELBO_NETWORK_SHAPE(0, "2", "128", "relu"),
    ELBO_TASK_POLICY_OPTIONS("tanh", "0.7"),
    ELBO_NETWORK_LEARNING("256", "5e-4", "Adam's step for policy and critics"),
    {.name = "samples",
     .type = ELBO_INT,
     .unit = "",
     .low = 2,
     .high = 1e4,
     .fallback = "20",
     .doc = "actions drawn at each state of the E-step in a box; of choices all "
            "are taken"},
    {.name = "critics",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 8,
     .fallback = "1",
     .doc = "networks for Q, of which the least is believed"},
    {.name = "period",
     .type = ELBO_INT,
     .unit = "updates",
     .low = 1,
     .high = 1e9,
     .fallback = "100",
     .doc = "after which pi_old and the target critic are renewed"},
    {.name = "epsilon",
     .type = ELBO_REAL,
     .unit = "nats",
     .low = 1e-12,
     .high = 1e6,
     .fallback = "0.1",
     .doc = "KL(q || pi_old) of the E-step"},
    {.name = "epsilon_mean",
     .type = ELBO_REAL,
     .unit = "nats",
     .low = 0,
     .high = INFINITY,
     .fallback = "0.1",
     .doc = "trust region of the M-step in the mean, or in the chances of "
            "choices; inf: none"},
    {.name = "epsilon_std",
     .type = ELBO_REAL,
     .unit = "nats",
     .low = 0,
     .high = INFINITY,
     .fallback = "1e-4",
     .doc = "and in the standard deviation"},
    {.name = "each_dimension",
     .type = ELBO_BOOL,
     .unit = "",
     .fallback = "false",
     .doc = "trust regions and multipliers of each dimension of an action, not of "
            "all together"},
    {.name = "penalty",
     .type = ELBO_REAL,
     .unit = "nats",
     .low = 0,
     .high = 1e6,
     .fallback = "0",
     .doc = "epsilon of a second set of weights that keeps samples in the box "
            "(MO-MPO); 0: none"},
    {.name = "dual",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "exact|gradient",
     .fallback = "exact",
     .doc = "eta: the dual's minimiser on each batch, or one step of Adam towards "
            "it"},
    {.name = "eta",
     .type = ELBO_REAL,
     .unit = "reward",
     .low = 1e-8,
     .high = 1e8,
     .fallback = "1",
     .doc = "where eta starts"},
    {.name = "multiplier",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-8,
     .high = 1e8,
     .fallback = "1",
     .doc = "where the multipliers of the trust regions start"},
    {.name = "multiplier_rate",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "1e-2",
     .doc = "step of Adam, of multipliers, and of eta where it goes by steps"},
    {0},
};

static void read_settings(const elbo_values *v, elbo_mpo_settings *out)
{
    *out = (elbo_mpo_settings){
        .batch = (size_t)elbo_int(v, "batch"),
        .samples = (size_t)elbo_int(v, "samples"),
        .period = (size_t)elbo_int(v, "period"),
        .epsilon = elbo_real(v, "epsilon"),
        .epsilon_mean = elbo_real(v, "epsilon_mean"),
        .epsilon_std = elbo_real(v, "epsilon_std"),
        .penalty = elbo_real(v, "penalty"),
        .exact = elbo_choice_is(v, "dual", "exact"),
        .each_dimension = elbo_flag(v, "each_dimension"),
    };
}

static void open_multipliers(elbo_mpo *mpo, const elbo_values *v,
                             elbo_arena *arena)
{
    const elbo_task_world *const w = mpo->problem.world;
    const elbo_mpo_settings *const s = &mpo->settings;
    const size_t k = s->each_dimension && !w->choices ? w->nu : 1;
    const double rate = elbo_real(v, "multiplier_rate");
    const double start = elbo_real(v, "multiplier");

    mpo->eta = mpo->eta_penalty = elbo_real(v, "eta");
    elbo_multiplier_init(&mpo->temperature, 1, s->epsilon, mpo->eta, rate,
                         arena);
    elbo_multiplier_init(&mpo->mean, k, s->epsilon_mean, start, rate, arena);
    elbo_multiplier_init(&mpo->std, k, s->epsilon_std, start, rate, arena);
}

static elbo_status open_critic(elbo_mpo *mpo, const elbo_values *v,
                               elbo_arena *arena)
{
    const elbo_task_world *const w = mpo->problem.world;
    elbo_critic_config config = elbo_network_critic(v, "rate");

    config.no = w->no;
    config.nu = w->nu;
    config.choices = w->choices > 0;
    config.count = (size_t)elbo_int(v, "critics");
    return elbo_critic_init(&mpo->critic, &config, mpo->problem.seed, arena);
}

static elbo_status open_policy(elbo_mpo *mpo, const elbo_values *v,
                               elbo_arena *arena)
{
    elbo_rng rng = elbo_rng_stream(mpo->problem.seed, "policy", 0);
    const elbo_adam_config adam = elbo_network_adam(v, "rate");

    ELBO_TRY(elbo_task_policy_open(v, mpo->problem.world, false, &mpo->policy));
    mpo->size = elbo_mlp_size(&mpo->policy.mlp);
    mpo->theta = elbo_arena_take(arena, mpo->size, sizeof(float));
    mpo->old = elbo_arena_take(arena, mpo->size, sizeof(float));
    mpo->gradient = elbo_arena_take(arena, mpo->size, sizeof(float));
    elbo_adam_init(&mpo->adam, &adam, mpo->size, arena);
    mpo->tape = elbo_tape_place(ELBO_F32, arena);
    ELBO_TRY(elbo_arena_check(arena, "control mpo"));
    elbo_mlp_draw(&mpo->policy.mlp, ELBO_START_UNIFORM, &rng, mpo->theta);
    memcpy(mpo->old, mpo->theta, mpo->size * sizeof *mpo->old);
    mpo->leaves = elbo_mlp_leaf(&mpo->policy.mlp, mpo->tape, true);
    mpo->nodes = elbo_mpo_loss(
        &mpo->policy, &mpo->leaves, mpo->tape, mpo->settings.batch,
        mpo->settings.each_dimension, mpo->settings.penalty > 0 ? 2 : 1);
    return elbo_tape_finish(mpo->tape);
}

static elbo_status open_mpo(const elbo_values *values,
                            const elbo_task_problem *problem, elbo_arena *arena,
                            void **self)
{
    elbo_mpo *const mpo = elbo_arena_take(arena, 1, sizeof *mpo);

    ELBO_TRY(elbo_arena_check(arena, "control mpo"));
    mpo->problem = *problem;
    read_settings(values, &mpo->settings);
    if (mpo->settings.penalty > 0 && problem->world->choices)
        return ELBO_FAIL(ELBO_EINVAL,
                         "penalty keeps samples in a box: the world's "
                         "actions are choices");
    ELBO_TRY(open_policy(mpo, values, arena));
    ELBO_TRY(open_critic(mpo, values, arena));
    open_multipliers(mpo, values, arena);
    ELBO_TRY(elbo_mpo_rows_init(mpo, arena));
    mpo->wide = elbo_arena_doubles(arena, mpo->size);
    mpo->last_finite = NAN;
    ELBO_TRY(elbo_arena_check(arena, "control mpo"));
    *self = mpo;
    return ELBO_OK;
}

static elbo_status act(void *self, const elbo_task_act *act, elbo_arena *ws)
{
    const elbo_mpo *const mpo = self;

    return elbo_task_policy_act(&mpo->policy, mpo->theta, act, ws);
}

static const char *const column_names[] = {
    "eta",        "kl_nonparametric", "kl_mean", "kl_std",
    "weight_ess", "critic_loss",      NULL};

static void columns(const void *self, double out[])
{
    const elbo_mpo_sums c = ((const elbo_mpo *)self)->columns;
    const double x[] = {c.eta, c.kl, c.kl_mean, c.kl_std, c.ess, c.critic};

    memcpy(out, x, sizeof x);
}

static void save_multiplier(const elbo_multiplier *m, elbo_writer *out)
{
    elbo_put_bytes(out, m->x, m->n * sizeof *m->x);
    elbo_adam_save(&m->adam, out);
}

static elbo_status load_multiplier(elbo_multiplier *m, elbo_reader *in)
{
    ELBO_TRY(elbo_get_bytes(in, m->x, m->n * sizeof *m->x));
    ELBO_TRY(elbo_adam_load(&m->adam, in));
    elbo_multiplier_set(m);
    return ELBO_OK;
}

static void save(const void *self, elbo_writer *out)
{
    const elbo_mpo *const mpo = self;
    const double numbers[] = {mpo->eta, mpo->eta_penalty, mpo->last_finite};

    elbo_put_u64(out, mpo->updates);
    elbo_put_doubles(out, numbers, 3);
    elbo_put_bytes(out, &mpo->columns, sizeof mpo->columns);
    elbo_put_bytes(out, mpo->theta, mpo->size * sizeof(float));
    elbo_put_bytes(out, mpo->old, mpo->size * sizeof(float));
    elbo_adam_save(&mpo->adam, out);
    elbo_critic_save(&mpo->critic, out);
    save_multiplier(&mpo->temperature, out);
    save_multiplier(&mpo->mean, out);
    save_multiplier(&mpo->std, out);
}

static elbo_status load(void *self, elbo_reader *in)
{
    elbo_mpo *const mpo = self;
    double numbers[3];

    ELBO_TRY(elbo_get_u64(in, &mpo->updates));
    ELBO_TRY(elbo_get_doubles(in, numbers, 3));
    ELBO_TRY(elbo_get_bytes(in, &mpo->columns, sizeof mpo->columns));
    ELBO_TRY(elbo_get_bytes(in, mpo->theta, mpo->size * sizeof(float)));
    ELBO_TRY(elbo_get_bytes(in, mpo->old, mpo->size * sizeof(float)));
    ELBO_TRY(elbo_adam_load(&mpo->adam, in));
    ELBO_TRY(elbo_critic_load(&mpo->critic, in));
    ELBO_TRY(load_multiplier(&mpo->temperature, in));
    ELBO_TRY(load_multiplier(&mpo->mean, in));
    ELBO_TRY(load_multiplier(&mpo->std, in));
    mpo->eta = numbers[0];
    mpo->eta_penalty = numbers[1];
    mpo->last_finite = numbers[2];
    return ELBO_OK;
}

static const elbo_task_control task = {
    .kind = "return by weighted maximum likelihood: the prior is the last "
            "policy, so no "
            "entropy stays in F; Q is a network's",
    .box = true,
    .weighs = true,
    .choices = true,
    .open = open_mpo,
    .improve = elbo_mpo_improve,
    .act = act,
    .value = elbo_mpo_value,
    .value_node = elbo_mpo_value_node,
    .column_names = column_names,
    .columns = columns,
    .save = save,
    .load = load,
};

const elbo_control elbo_control_mpo = {
    .name = "mpo",
    .source =
        "Abdolmaleki, Springenberg, Tassa, Munos, Heess, Riedmiller, ICLR 2018",
    .doc = "maximum a posteriori policy optimisation: actions re-weighted "
           "within a KL "
           "ball, then weighted maximum likelihood, in control tasks",
    .options = options,
    .optimality = ELBO_EXPONENTIAL,
    .hard = true,
    .task = &task,
};

/* control/sequence.c -- the loop of inference over action sequences, and what a
 * world remembers between its plans.
 *
 * Memory of a world [3 + (1 + M + kept) H nu]: planned, age, number of kept
 * elites; the plan it follows; the means of q; kept elites.
 */
#include "control/sequence.h"

#include <math.h>
#include <string.h>

enum { PLANNED, AGE, KEPT, HEAD };

/* Sums over the plans since the first world's episode started, and totals. */
typedef struct tally {
    uint64_t plans, refused, rows;
    double expected, ess, temperature, std;
} tally;

typedef struct planner {
    const elbo_task_problem *problem;
    elbo_sequence_config config;
    size_t size;   /* H nu: numbers of a sequence */
    size_t elites; /* of every population */
    size_t kept;   /* of them at most, in the next one */
    double *B;     /* [H x H] or NULL: white noise */
    elbo_sequence_q q;
    tally tally;
} planner;

/* A population in the making; rows of `size`. */
typedef struct population {
    size_t n, most;
    float *a;    /* [most x size] */
    float *kept; /* [kept x size] */
    size_t n_kept;
    double *R, *logq, *w, *value; /* [most x P], [most] ... */
    double *z, *term;             /* scratch of draws and densities */
    uint64_t seed;
    elbo_sequence_info info;
} population;

elbo_status elbo_sequence_open(const elbo_values *options,
                               const elbo_task_problem *problem,
                               elbo_arena *arena, void **self)
{
    planner *const s = elbo_arena_take(arena, 1, sizeof *s);
    elbo_sequence_config c;

    ELBO_TRY(elbo_arena_check(arena, "a planner"));
    ELBO_TRY(elbo_sequence_configure(options, problem, &c));

    const size_t elites = (size_t)ceil(c.elites * (double)c.population);

    *s = (planner){
        .problem = problem,
        .config = c,
        .size = c.horizon * problem->world->nu,
        .elites = elites,
        .kept = (size_t)ceil(c.keep * (double)elites),
        .B = c.colour > 0 ? elbo_arena_doubles(arena, c.horizon * c.horizon)
                          : NULL,
        .q = elbo_sequence_q_of(&c, problem->world, arena),
    };
    ELBO_TRY(elbo_arena_check(arena, "a planner"));
    if (s->B) elbo_sequence_basis(c.colour, c.horizon, s->B);
    *self = s;
    return ELBO_OK;
}

size_t elbo_sequence_memory(const void *self)
{
    const planner *const s = self;

    return HEAD + (1 + s->config.components + s->kept) * s->size;
}

static float *plan_of(float memory[])
{
    return memory + HEAD;
}

static float *means_of(const planner *s, float memory[])
{
    return memory + HEAD + s->size;
}

static float *kept_of(const planner *s, float memory[])
{
    return memory + HEAD + (1 + s->config.components) * s->size;
}

/* q where a plan starts: its first one, and over it the last means but for the
 * steps that have passed. */
static void start(planner *s, const float memory[], elbo_rng *rng)
{
    const size_t age = (size_t)memory[AGE] * s->problem->world->nu;
    const float *const old = memory + HEAD + s->size;

    elbo_sequence_start(&s->config, rng, &s->q);
    if (!s->config.warm || memory[PLANNED] == 0) return;
    for (size_t m = 0; m < s->q.M; m++)
        for (size_t i = age; i < s->size; i++)
            s->q.mean[m * s->size + i - age] = (double)old[m * s->size + i];
}

/* How many of a population are new. */
static size_t fresh(const planner *s, size_t iteration)
{
    const double N = (double)s->config.population;
    const double n = ceil(N * pow(s->config.decay, -(double)iteration));

    return (size_t)fmin(N, fmax(n, 2 * (double)s->elites));
}

static elbo_status make_room(const planner *s, const float memory[],
                             elbo_rng *rng, population *p, elbo_arena *ws)
{
    const size_t most = s->config.population + s->kept + 1;
    const size_t P = elbo_sequence_particles(&s->config);

    *p = (population){
        .most = most,
        .a = elbo_arena_take(ws, most, s->size * sizeof *p->a),
        .kept = elbo_arena_take(ws, s->kept, s->size * sizeof *p->kept),
        .R = elbo_arena_doubles(ws, most * P),
        .logq = elbo_arena_doubles(ws, most),
        .w = elbo_arena_doubles(ws, most),
        .value = elbo_arena_doubles(ws, most),
        .z = elbo_arena_doubles(ws, s->size + s->config.horizon),
        .term = elbo_arena_doubles(ws, s->config.components),
        .seed = (uint64_t)elbo_rng_u32(rng) << 32,
    };
    p->seed |= elbo_rng_u32(rng);
    ELBO_TRY(elbo_arena_check(ws, "a planner's population"));
    if (s->config.warm && memory[PLANNED] != 0) {
        p->n_kept = (size_t)memory[KEPT];
        memcpy(p->kept, memory + HEAD + (1 + s->config.components) * s->size,
               p->n_kept * s->size * sizeof *p->kept);
    }
    return ELBO_OK;
}

/* The heaviest component's number. */
static size_t heaviest(const elbo_sequence_q *q)
{
    size_t best = 0;

    for (size_t m = 1; m < q->M; m++)
        if (q->weight[m] > q->weight[best]) best = m;
    return best;
}

/* Of choices the likeliest, as one-hot rows. */
static void mean_sequence(const planner *s, float out[])
{
    const elbo_sequence_q *const q = &s->q;
    const double *const mean = q->mean + heaviest(q) * s->size;

    for (size_t i = 0; i < s->size; i++) out[i] = (float)mean[i];
    if (!q->choices) return;
    for (size_t t = 0; t < q->H; t++) {
        const double *const p = mean + t * q->nu;
        size_t best = 0;

        for (size_t j = 1; j < q->nu; j++)
            if (p[j] > p[best]) best = j;
        for (size_t j = 0; j < q->nu; j++) out[t * q->nu + j] = j == best;
    }
}

/* New sequences, those that were kept, and the mean. What was kept from the
 * last plan is `age` steps old: it moves on, with the end of a new one. */
static void draw_population(const planner *s, size_t iteration, size_t age,
                            population *p)
{
    const size_t size = s->size, shift = iteration ? 0 : age * s->q.nu;

    p->n = fresh(s, iteration);
    for (size_t k = 0; k < p->n; k++) {
        elbo_rng rng =
            elbo_rng_stream(p->seed, "sequences", iteration * p->most + k);

        elbo_sequence_draw(&s->config, &s->q, s->B, &rng, p->z,
                           p->a + k * size);
    }
    for (size_t k = 0; k < p->n_kept; k++, p->n++) {
        float *const a = p->a + p->n * size;

        memcpy(a, p->kept + k * size + shift, (size - shift) * sizeof *a);
        memcpy(a + size - shift, p->a + k * size + size - shift,
               shift * sizeof *a);
    }
    if (s->config.mean_last && iteration + 1 == s->config.iterations)
        mean_sequence(s, p->a + p->n++ * size);
}

/* The best stay for the next population. `value` is spoilt. */
static void keep(const planner *s, population *p)
{
    p->n_kept = 0;
    for (size_t i = 0; i < s->kept; i++) {
        size_t best = 0;

        for (size_t k = 1; k < p->n; k++)
            if (p->value[k] > p->value[best]) best = k;
        if (!isfinite(p->value[best])) return;
        memcpy(p->kept + p->n_kept++ * s->size, p->a + best * s->size,
               s->size * sizeof *p->kept);
        p->value[best] = -HUGE_VAL;
    }
}

/* One turn of the loop: draw, roll out, weigh, refit. */
static elbo_status iterate(planner *s, const float o[], size_t iteration,
                           size_t age, population *p, elbo_arena *ws)
{
    const elbo_sequence_config *const c = &s->config;
    const size_t P = elbo_sequence_particles(c);
    const elbo_sequence_rollout rollout = {s->problem, c, o, p->seed,
                                           iteration * p->most * P};
    const double *const logq = c->entropy > 0 ? p->logq : NULL;

    draw_population(s, iteration, age, p);
    ELBO_TRY(
        elbo_sequence_returns(&rollout, p->n, p->a, p->R, &s->tally.rows, ws));
    for (size_t k = 0; logq && k < p->n; k++)
        p->logq[k] = elbo_sequence_log(c, &s->q, p->a + k * s->size, p->term);
    ELBO_TRY(elbo_sequence_weights(c, p->n, s->elites, p->R, logq, p->w,
                                   p->value, &p->info, ws));
    s->tally.refused += p->info.refused;
    ELBO_TRY(elbo_sequence_refit(c, p->n, p->a, p->w, &s->q, ws));
    keep(s, p);
    return ELBO_OK;
}

static void count(planner *s, const elbo_sequence_info *info)
{
    const elbo_sequence_q *const q = &s->q;
    const size_t m = heaviest(q);
    double std = 0;

    for (size_t i = m * s->size; i < (m + 1) * s->size; i++)
        std += sqrt(q->choices ? q->mean[i] * (1 - q->mean[i]) : q->var[i]);
    s->tally.plans++;
    s->tally.expected += info->expected;
    s->tally.ess += info->ess;
    s->tally.temperature += info->temperature;
    s->tally.std += std / (double)s->size;
}

/* What the world follows from here on, and what its next plan starts from. */
static void remember(const planner *s, const population *p, float memory[])
{
    float *const means = means_of(s, memory);

    if (s->config.best)
        memcpy(plan_of(memory), p->a + p->info.best * s->size,
               s->size * sizeof *p->a);
    else
        mean_sequence(s, plan_of(memory));
    for (size_t i = 0; i < s->q.M * s->size; i++)
        means[i] = (float)s->q.mean[i];
    memcpy(kept_of(s, memory), p->kept, p->n_kept * s->size * sizeof *p->kept);
    memory[PLANNED] = 1;
    memory[AGE] = 0;
    memory[KEPT] = (float)p->n_kept;
}

static elbo_status plan(planner *s, const float o[], elbo_rng *rng,
                        float memory[], elbo_arena *ws)
{
    const size_t age = (size_t)memory[AGE];
    population p;

    ELBO_TRY(make_room(s, memory, rng, &p, ws));

    elbo_rng first = elbo_rng_stream(p.seed, "start", 0);

    start(s, memory, &first);
    for (size_t i = 0; i < s->config.iterations; i++)
        ELBO_TRY(iterate(s, o, i, age, &p, ws));
    count(s, &p.info);
    remember(s, &p, memory);
    return ELBO_OK;
}

/* Noise on an action that collects data. */
static void explore(const planner *s, elbo_rng *rng, float u[])
{
    const double how = s->config.exploration;
    const size_t nu = s->q.nu;

    if (s->q.choices) {
        if (elbo_rng_uniform(rng) >= how) return;

        const size_t j = elbo_rng_below(rng, nu);

        for (size_t i = 0; i < nu; i++) u[i] = i == j;
        return;
    }
    for (size_t i = 0; i < nu; i++) {
        double e;

        elbo_rng_normals(rng, &e, 1);
        u[i] = (float)fmax(-1, fmin(1, (double)u[i] + how * e));
    }
}

static elbo_status act_in(planner *s, const elbo_task_act *act, size_t i,
                          elbo_arena *ws)
{
    const size_t no = s->problem->world->no, nu = s->q.nu;
    float *const memory = act->memory + i * elbo_sequence_memory(s);
    float *const u = act->u + i * nu;

    if (act->first[i]) memset(memory, 0, HEAD * sizeof *memory);
    if (act->first[i] && i == 0)
        s->tally = (tally){.refused = s->tally.refused, .rows = s->tally.rows};
    if (memory[PLANNED] == 0 || (size_t)memory[AGE] >= s->config.replan) {
        const elbo_mark mark = elbo_arena_mark(ws);
        const elbo_status status =
            plan(s, act->o + i * no, act->rng + i, memory, ws);

        elbo_arena_release(ws, mark);
        ELBO_TRY(status);
    }
    memcpy(u, plan_of(memory) + (size_t)memory[AGE] * nu, nu * sizeof *u);
    memory[AGE]++;
    if (act->explore && s->config.exploration > 0) explore(s, act->rng + i, u);
    if (act->logpi)
        act->logpi[i] = 0; /* a planner is hard: it has no density */
    return ELBO_OK;
}

elbo_status elbo_sequence_act(void *self, const elbo_task_act *act,
                              elbo_arena *ws)
{
    for (size_t i = 0; i < act->n; i++) ELBO_TRY(act_in(self, act, i, ws));
    return ELBO_OK;
}

const char *const elbo_sequence_columns[] = {
    "plan_return", "plan_ess", "plan_temperature", "plan_std", "plan_refused",
    "plan_rows",   NULL};

/* Means over the plans of the first world's last episode; counts over the whole
 * run. */
void elbo_sequence_column_values(const void *self, double out[])
{
    const planner *const s = self;
    const tally *const t = &s->tally;
    const double n = t->plans ? (double)t->plans : 1;

    out[0] = t->expected / n;
    out[1] = t->ess / n;
    out[2] = t->temperature / n;
    out[3] = t->std / n;
    out[4] = (double)t->refused;
    out[5] = (double)t->rows;
}

void elbo_sequence_save(const void *self, elbo_writer *out)
{
    const planner *const s = self;
    const tally *const t = &s->tally;
    const double sums[] = {t->expected, t->ess, t->temperature, t->std};

    elbo_put_u64(out, t->plans);
    elbo_put_u64(out, t->refused);
    elbo_put_u64(out, t->rows);
    elbo_put_doubles(out, sums, sizeof sums / sizeof *sums);
}

elbo_status elbo_sequence_load(void *self, elbo_reader *in)
{
    planner *const s = self;
    tally t = {0};
    double sums[4];

    ELBO_TRY(elbo_get_u64(in, &t.plans));
    ELBO_TRY(elbo_get_u64(in, &t.refused));
    ELBO_TRY(elbo_get_u64(in, &t.rows));
    ELBO_TRY(elbo_get_doubles(in, sums, 4));
    t.expected = sums[0];
    t.ess = sums[1];
    t.temperature = sums[2];
    t.std = sums[3];
    s->tally = t;
    return ELBO_OK;
}

#include "inference/objective.h"

#include <string.h>

#include "inference/factor.h"
#include "inference/importance.h"
#include "inference/likelihood/objective_state.h"
#include "inference/likelihood/terms.h"

enum { SCRATCH = 1 << 14 };

/* ---- the world ---- */

/* Rows' starts and successors, whatever the layout. */
static void list_entries(const elbo_pattern *pattern, size_t start[],
                         uint32_t successor[])
{
    const size_t rows = pattern->nS * pattern->nA;

    for (size_t row = 0; row < rows; row++) {
        const size_t end = elbo_row_end(pattern, row);

        start[row] = elbo_row_begin(pattern, row);
        for (size_t i = start[row]; i < end; i++)
            successor[i] = (uint32_t)elbo_successor(pattern, row, i);
    }
    start[rows] = pattern->nnz;
}

static elbo_status take_world(elbo_objective *o, const elbo_world *world,
                              const elbo_pattern *pattern, elbo_arena *arena)
{
    const size_t nS = world->nS, dim = world->dim;
    const size_t rows = elbo_batch_plans(&o->batch) * nS * world->nA;
    const size_t values = elbo_batch_values(&o->batch) * (nS + 1);
    size_t *start = elbo_arena_sizes(arena, nS * world->nA + 1);
    uint32_t *successor = elbo_arena_u32(arena, pattern->nnz);
    int32_t *coord = elbo_arena_take(arena, (nS + 1) * dim, sizeof *coord);

    o->V = elbo_arena_take(arena, values, sizeof *o->V);
    o->Q = elbo_arena_take(arena, rows, sizeof *o->Q);
    o->logpi = elbo_arena_take(arena, rows, sizeof *o->logpi);
    o->occupancy = elbo_arena_take(arena, rows, sizeof *o->occupancy);
    ELBO_TRY(elbo_arena_check(arena, "the objective's world"));
    list_entries(pattern, start, successor);
    if (world->coord) memcpy(coord, world->coord, nS * dim * sizeof *coord);
    o->batch.nS = nS;
    o->batch.nA = world->nA;
    o->batch.nnz = pattern->nnz;
    o->batch.start = start;
    o->batch.successor = successor;
    o->batch.coord = world->coord ? coord : NULL;
    o->batch.dim = dim;
    return ELBO_OK;
}

static elbo_status take_batch(elbo_objective *o, size_t capacity,
                              elbo_arena *arena)
{
    o->batch.row = o->row = elbo_arena_u32(arena, capacity);
    o->batch.next = o->next = elbo_arena_u32(arena, capacity);
    o->batch.entry = o->entry = elbo_arena_u32(arena, capacity);
    o->first = elbo_arena_u32(arena, capacity);
    o->epoch = elbo_arena_u32(arena, capacity);
    o->stage = elbo_arena_u32(arena, o->by_stage ? capacity : 0);
    o->of = elbo_arena_u32(arena, capacity);
    o->batch.r = o->r = elbo_arena_doubles(arena, capacity);
    o->batch.weight = o->weight = elbo_arena_doubles(arena, capacity);
    return elbo_arena_check(arena, "the objective's batch");
}

/* Whether it reads what was so in a sample's round. */
static elbo_status find_epochs(elbo_objective *o, elbo_arena *arena)
{
    elbo_factor_call *calls;
    size_t n;

    ELBO_TRY(elbo_expr_factors(o->expr, arena, &calls, &n));
    for (size_t i = 0; i < n; i++)
        if (calls[i].what.shape == ELBO_FACTOR_EPOCH) o->by_epoch = true;
    if (elbo_expr_reads(o->expr, "V_then")) o->by_epoch = true;
    o->by_sample = elbo_expr_samples(o->expr);
    if (o->by_epoch) o->batch.epoch = o->epoch;
    return ELBO_OK;
}

/* Whether it reads what differs from stage to stage. */
static bool reads_stages(const elbo_expr *expr)
{
    return expr->depends & (ELBO_ON_PLANNER | ELBO_HAS_STOP)
           || elbo_expr_reads(expr, "V_then")
           || elbo_expr_reads(expr, "V_target");
}

static elbo_status open_world(elbo_objective *o, const char *text,
                              const elbo_world *world, const elbo_mdp *mdp,
                              const elbo_pattern *pattern, elbo_arena *arena)
{
    const elbo_scope scope = {.coordinates = world->coord,
                              .finite = true,
                              .factors = elbo_factor_words};
    elbo_expr *expr;
    const char *nearest;
    size_t column;

    ELBO_TRY(elbo_expression_parse(text, arena, &expr, &column));
    if (elbo_expression_check(expr, &scope, &column, &nearest) != ELBO_OK)
        return elbo_fail_prefix("%s, column %zu", o->slot, column + 1);
    o->expr = expr;
    o->batch.gamma = mdp->gamma;
    o->by_stage = mdp->horizon > 0 && reads_stages(expr);
    if (o->by_stage) o->batch.stages = mdp->horizon;
    return take_world(o, world, pattern, arena);
}

static elbo_status open_as(const char *slot, const char *text,
                           const elbo_world *world, const elbo_mdp *mdp,
                           const elbo_pattern *pattern, size_t capacity,
                           elbo_arena *arena, elbo_objective **out)
{
    elbo_objective *const o = elbo_arena_take(arena, 1, sizeof *o);

    ELBO_TRY(elbo_arena_check(arena, "the objective"));
    o->slot = slot;
    ELBO_TRY(open_world(o, text, world, mdp, pattern, arena));
    ELBO_TRY(take_batch(o, capacity, arena));
    ELBO_TRY(find_epochs(o, arena));
    if (o->by_stage) o->batch.stage = o->stage;
    o->bind = (elbo_bindings){
        .V = o->V, .Q = o->Q, .logpi = o->logpi, .occupancy = o->occupancy};
    ELBO_TRY(elbo_objective_open_policy(o, mdp, arena));
    o->by_episode = elbo_expr_reads(o->expr, "Jcwpdis");
    if (o->policy || o->by_episode) {
        o->scratch = elbo_arena_alloc(SCRATCH);
        if (!o->scratch) return ELBO_FAIL(ELBO_ENOMEM, "the objective");
    }
    *out = o;
    return ELBO_OK;
}

elbo_status elbo_objective_open(const char *text, const elbo_world *world,
                                const elbo_mdp *mdp,
                                const elbo_pattern *pattern, size_t capacity,
                                elbo_arena *arena, elbo_objective **out)
{
    return open_as("likelihood", text, world, mdp, pattern, capacity, arena,
                   out);
}

elbo_status elbo_weight_open(const char *text, const elbo_world *world,
                             const elbo_mdp *mdp, const elbo_pattern *pattern,
                             size_t capacity, elbo_arena *arena,
                             elbo_objective **out)
{
    ELBO_TRY(open_as("weight", text, world, mdp, pattern, capacity, arena,
                     out));
    (*out)->weight_slot = true;
    return ELBO_OK;
}

void elbo_objective_close(elbo_objective *objective)
{
    if (!objective) return;
    elbo_program_free(objective->program);
    objective->program = NULL;
    elbo_arena_free(objective->scratch);
    objective->scratch = NULL;
}

/* ---- values ---- */

bool elbo_objective_needs(const elbo_objective *objective, const char *name)
{
    return objective->program && elbo_program_needs(objective->program, name);
}

static void copy(double to[], const double from[], size_t n)
{
    if (from) memcpy(to, from, n * sizeof *to);
}

void elbo_objective_plan(elbo_objective *objective, const elbo_bindings *plan)
{
    const elbo_batch *const batch = &objective->batch;
    const size_t rows = elbo_batch_plans(batch) * batch->nS * batch->nA;

    copy(objective->V, plan->V, elbo_batch_values(batch) * (batch->nS + 1));
    objective->V[batch->nS] = 0;
    copy(objective->Q, plan->Q, rows);
    copy(objective->logpi, plan->logpi, rows);
    copy(objective->occupancy, plan->occupancy, rows);
    objective->bind.J = plan->J;
    objective->bind.Jmodel = plan->Jmodel;
}

void elbo_objective_plan_held(elbo_objective *objective,
                              const elbo_bindings *held)
{
    objective->held = held;
}

const elbo_expr *elbo_objective_expression(const elbo_objective *objective)
{
    return objective->expr;
}

void elbo_objective_reward(elbo_objective *objective, const double reward[],
                           bool known)
{
    objective->bind.rhat = reward;
    objective->bind.rhat_known = known;
}

void elbo_objective_hold(elbo_objective *objective, const double target[],
                         const double then[], const double V[],
                         const double Q[])
{
    objective->bind.V_target = target;
    objective->bind.V_then = then;
    if (V) objective->bind.V = V;
    if (Q) objective->bind.Q = Q;
}

elbo_status elbo_objective_members(elbo_objective *objective,
                                   const elbo_value_set *members,
                                   elbo_arena *arena)
{
    elbo_expr *shared;

    if (!members) return ELBO_OK;
    ELBO_TRY(elbo_terms_share(objective->expr, elbo_value_set_size(members),
                              elbo_value_set_policies(members), arena,
                              &shared));
    objective->expr = shared;
    objective->members = members;
    return ELBO_OK;
}

bool elbo_objective_still(elbo_objective *objective, bool held)
{
    return !objective->program || elbo_program_hold(objective->program, held);
}

void elbo_objective_whole(elbo_objective *objective, bool whole)
{
    objective->whole = whole;
}

void elbo_objective_draw(elbo_objective *objective, const elbo_kernel *p,
                         uint64_t seed, uint64_t index)
{
    if (objective->program)
        elbo_program_draw(objective->program, p->prob, seed, index);
}

void elbo_objective_factors(elbo_objective *objective,
                            const double *const values[])
{
    objective->bind.factor = values;
}

static elbo_status name_sample(const elbo_objective *o, size_t at)
{
    return elbo_fail_prefix("%s, sample %u", o->slot, (unsigned)o->first[at]);
}

/* The bindings of member k. */
static elbo_bindings bind_member(const elbo_objective *o, size_t k)
{
    elbo_bindings bind = o->bind;

    if (o->members) {
        const elbo_member member = elbo_value_set_member(o->members, k);

        bind.V = member.V;
        if (member.Q) bind.Q = member.Q;
        if (member.logpi) bind.logpi = member.logpi;
    }
    return bind;
}

/* The same with the policy held: what is not the plan's own stays. */
static elbo_bindings hold_member(const elbo_objective *o,
                                 const elbo_bindings *bind)
{
    elbo_bindings held = *bind;

    if (bind->V == o->V) held.V = o->held->V;
    if (bind->Q == o->Q) held.Q = o->held->Q;
    if (bind->logpi == o->logpi) held.logpi = o->held->logpi;
    held.occupancy = o->held->occupancy;
    held.J = o->held->J;
    held.Jmodel = o->held->Jmodel;
    return held;
}

/* Only where the bindings are the plan's own do they move. */
static elbo_slopes moving_slopes(const elbo_objective *o,
                                 const elbo_bindings *bind,
                                 const elbo_slopes *slopes)
{
    elbo_slopes moving = *slopes;

    if (bind->V != o->V) moving.V = NULL;
    if (bind->Q != o->Q) moving.Q = NULL;
    if (bind->logpi != o->logpi) moving.logpi = NULL;
    return moving;
}

/* What Jcwpdis is at the plan's policy; its slope goes to logpi. */
static elbo_status weigh_episodes(elbo_objective *o, elbo_slopes *slopes)
{
    const elbo_logged own = {.data = o->data,
                             .nA = o->batch.nA,
                             .rows = o->batch.nS * o->batch.nA,
                             .stages = elbo_batch_plans(&o->batch),
                             .gamma = o->batch.gamma};

    if (!o->by_episode || !o->data) return ELBO_OK;
    if (elbo_cwpdis(&own, o->logpi, &o->bind.Jcwpdis,
                    slopes ? slopes->Jcwpdis : 0, slopes ? slopes->logpi : NULL,
                    o->scratch)
        != ELBO_OK)
        return elbo_fail_prefix("%s, Jcwpdis", o->slot);
    if (slopes) slopes->Jcwpdis = 0; /* it stands in logpi */
    return ELBO_OK;
}

static elbo_status run_member(elbo_objective *o, const elbo_bindings *bind,
                              double *value, double G[], elbo_slopes *slopes,
                              size_t *at)
{
    if (!slopes) return elbo_program_run(o->program, bind, value, G, at);

    elbo_slopes moving = moving_slopes(o, bind, slopes);
    const elbo_status s =
        elbo_program_slopes(o->program, bind, value, G, &moving, at);

    slopes->J = moving.J;
    slopes->Jmodel = moving.Jmodel;
    slopes->Jmodel_held = moving.Jmodel_held;
    slopes->Jcwpdis = moving.Jcwpdis;
    slopes->gradJ_error = moving.gradJ_error;
    return s;
}

/* Over all members; slopes: NULL ok. */
static elbo_status run(elbo_objective *o, const elbo_kernel *p, double *value,
                       double G[], elbo_slopes *slopes)
{
    const size_t n = o->members ? elbo_value_set_size(o->members) : 1;
    elbo_slopes own = {0};
    double sum = 0;

    o->bind.p = p->prob;
    ELBO_TRY(weigh_episodes(o, NULL));
    ELBO_TRY(elbo_objective_compare(o, p, 0, NULL));
    if (!slopes && (o->whole || (o->policy && G))) slopes = &own;
    for (size_t k = 0; o->program && k < n; k++) {
        elbo_bindings bind = bind_member(o, k), held;
        double part = 0;
        size_t at;

        if (o->held) {
            held = hold_member(o, &bind);
            bind.held = &held;
        }
        if (run_member(o, &bind, &part, G, slopes, &at) != ELBO_OK)
            return name_sample(o, at);
        sum += part;
    }
    *value = sum;
    if (!slopes) return ELBO_OK;
    ELBO_TRY(elbo_objective_compare(o, p, slopes->gradJ_error, G));
    slopes->gradJ_error = 0; /* it stands in G */
    return slopes == &own ? ELBO_OK : weigh_episodes(o, slopes);
}

elbo_status elbo_objective_slopes(elbo_objective *objective,
                                  const elbo_kernel *p, double *value,
                                  double G[], elbo_slopes *slopes)
{
    return run(objective, p, value, G, slopes);
}

elbo_status elbo_objective_value(elbo_objective *objective,
                                 const elbo_kernel *p, double *value,
                                 double G[])
{
    return run(objective, p, value, G, NULL);
}

elbo_status elbo_objective_lever(elbo_objective *objective,
                                 const elbo_kernel *p, const double values[],
                                 double out[], size_t n, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const double *const *const bound = objective->bind.factor;
    elbo_factor_call *calls;
    elbo_slopes slopes = {0};
    double value;
    size_t k;

    memset(out, 0, n * sizeof *out);

    elbo_status s = elbo_expr_factors(objective->expr, ws, &calls, &k);
    double **const factor = elbo_arena_take(ws, k, sizeof *factor);

    if (s == ELBO_OK) s = elbo_arena_check(ws, "an objective's levers");
    for (size_t i = 0; s == ELBO_OK && i < k; i++)
        factor[i] = bound[i] == values ? out : NULL;
    slopes.factor = factor;
    if (s == ELBO_OK) s = run(objective, p, &value, NULL, &slopes);
    elbo_arena_release(ws, mark);
    return s;
}

elbo_status elbo_objective_weights(elbo_objective *objective,
                                   const elbo_kernel *p, double w[], size_t n,
                                   elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    double *each = elbo_arena_doubles(ws, objective->batch.n);
    elbo_status s = elbo_arena_check(ws, "the weights");
    size_t at;

    objective->bind.p = p->prob;
    if (s == ELBO_OK) s = weigh_episodes(objective, NULL);
    if (s == ELBO_OK) s = elbo_objective_compare(objective, p, 0, NULL);
    if (s == ELBO_OK && n > 0) {
        s = elbo_program_values(objective->program, &objective->bind, each,
                                &at);
        if (s == ELBO_ENOTFINITE) s = name_sample(objective, at);
    }
    for (size_t i = 0; s == ELBO_OK && i < n; i++) {
        w[i] = each[objective->of[i]];
        if (w[i] < 0)
            s = ELBO_FAIL(ELBO_ECHECK, "weight, sample %zu: %g is negative", i,
                          w[i]);
    }
    elbo_arena_release(ws, mark);
    return s;
}

elbo_status elbo_objective_values(elbo_objective *objective,
                                  const elbo_kernel *p, double out[])
{
    const size_t nA = objective->batch.nA;
    size_t at;

    if (!objective->program) return ELBO_OK;
    ELBO_TRY(weigh_episodes(objective, NULL));
    ELBO_TRY(elbo_objective_compare(objective, p, 0, NULL));
    objective->bind.p = p->prob;
    if (elbo_program_values(objective->program, &objective->bind, out, &at)
        == ELBO_OK)
        return ELBO_OK;
    return elbo_fail_prefix("state %zu, action %zu",
                            (size_t)objective->row[at] / nA,
                            (size_t)objective->row[at] % nA);
}

elbo_status elbo_objective_pull(elbo_objective *objective, const elbo_kernel *p,
                                const double row_weight[], double G[],
                                elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const size_t n = objective->batch.n;
    double *const weight = elbo_arena_doubles(ws, n);
    elbo_status s = elbo_arena_check(ws, "an expression's slopes");
    size_t at;

    for (size_t k = 0; s == ELBO_OK && k < n; k++)
        weight[k] = row_weight[objective->row[k]];
    objective->bind.p = p->prob;
    if (s == ELBO_OK && objective->program)
        s = elbo_program_pull(objective->program, &objective->bind, weight, G,
                              &at);
    elbo_arena_release(ws, mark);
    return s;
}

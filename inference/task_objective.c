#include "inference/task_objective.h"

#include <math.h>
#include <string.h>

#include "inference/factor.h"
#include "inference/task_factor.h"
#include "inference/task_objective_state.h"

/* ---- text ---- */

/* The word at *text, or NULL. */
static const elbo_factor_name *find(const elbo_factor_name list[], const char *text)
{
    const size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz_");

    for (; list->name; list++)
        if (strlen(list->name) == n && strncmp(list->name, text, n) == 0) return list;
    return NULL;
}

/* A factor of other worlds is not unknown: it is not had here. */
static elbo_status not_had(const char *text)
{
    const elbo_factor_name *const factor = find(elbo_factor_words, text);

    if (!factor || find(elbo_task_factor_words, text)) return ELBO_EINVAL;
    return ELBO_FAIL(ELBO_EINVAL,
                     "%s: a factor of finite worlds, which control tasks do not have",
                     factor->name);
}

elbo_status elbo_task_objective_parse(const char *text, elbo_arena *arena,
                                      elbo_expr **out, size_t *column,
                                      const char **nearest)
{
    const elbo_network_words all = elbo_network_all(true);
    const char *near = NULL;
    size_t place = 0;
    elbo_status s = elbo_network_parse(text, elbo_task_factor_words, &all,
                                       arena, out, &place, &near);

    if (s == ELBO_EINVAL) s = not_had(text + place);
    if (s == ELBO_OK) s = elbo_task_factors_check(*out, arena, &place, &near);
    if (column) *column = place;
    if (nearest) *nearest = near;
    return s;
}

/* The first word that averages over data or looks back at them, or NULL. */
static const elbo_expr *word_of_data(const elbo_expr *e)
{
    static const char *const words[] = {"Ed", "mean", "V_then"};

    for (size_t i = 0; e->name && i < sizeof words / sizeof *words; i++)
        if (strcmp(e->name, words[i]) == 0) return e;
    for (size_t i = 0; i < e->n; i++) {
        const elbo_expr *const found = word_of_data(e->arg[i]);

        if (found) return found;
    }
    return NULL;
}

elbo_status elbo_task_reward_parse(const char *text, elbo_arena *arena,
                                   elbo_expr **out, size_t *column,
                                   const char **nearest)
{
    const elbo_expr *found;
    size_t place = 0;
    elbo_status s =
        elbo_task_objective_parse(text, arena, out, &place, nearest);

    if (s == ELBO_OK && nearest) *nearest = NULL;
    found = s == ELBO_OK ? word_of_data(*out) : NULL;
    if (found) {
        place = found->column;
        s = ELBO_FAIL(ELBO_EINVAL,
                      "%s means nothing here: a step of the model has no data",
                      found->name);
    }
    if (s == ELBO_OK) s = elbo_task_factors_anywhere(*out, arena, &place);
    if (column) *column = place;
    return s;
}

elbo_network_words elbo_task_words(const elbo_task_model *model,
                                   const elbo_task_control *control,
                                   elbo_task_role role, bool moves)
{
    const bool known = role == ELBO_TASK_LIKELIHOOD || model->node;
    elbo_network_words words = {.member = role != ELBO_TASK_WEIGHT && known,
                                .value = control->value_node != NULL,
                                .target = control->target_node && !moves,
                                .action_value = control->action_node != NULL,
                                .policy = control->policy_node && !moves};

    words.steps = words.member && model->step;
    for (size_t i = ELBO_NETWORK_V; i <= ELBO_NETWORK_V_NEXT; i++)
        words.has[i] = control->value != NULL;
    for (size_t i = ELBO_NETWORK_SLOPE; i <= ELBO_NETWORK_SLOPE_NEXT; i++)
        words.has[i] = control->value != NULL && !moves;
    for (size_t i = ELBO_NETWORK_TARGET; i <= ELBO_NETWORK_TARGET_NEXT; i++)
        words.has[i] = control->target_value != NULL;
    words.has[ELBO_NETWORK_Q] = control->action_value != NULL;
    words.has[ELBO_NETWORK_LOGPI] = control->log_policy != NULL && !moves;
    words.has[ELBO_NETWORK_LOGP] = model->log_density != NULL;
    words.has[ELBO_NETWORK_J] = control->plans && role == ELBO_TASK_LIKELIHOOD;
    words.has[ELBO_NETWORK_THEN] = words.has[ELBO_NETWORK_THEN_NEXT] =
        control->value != NULL && !moves;
    words.has[ELBO_NETWORK_ALEATORIC] = words.has[ELBO_NETWORK_DISAGREEMENT] =
        role != ELBO_TASK_LIKELIHOOD && model->doubts;
    return words;
}

/* ---- opening ---- */

/* The member whose nodes `of` are, at other rows. */
static elbo_status step_of(const void *model, const void *of, elbo_tape *tape,
                           size_t rows, elbo_node o, elbo_node u,
                           elbo_network_step *out)
{
    const elbo_task_belief *const belief = model;
    elbo_task_nodes at = {.rows = rows, .o = o, .u = u};

    ELBO_TRY(belief->model->step(belief, tape, of, &at));
    *out = (elbo_network_step){at.mean, at.std, at.rhat};
    return ELBO_OK;
}

elbo_network_frame elbo_task_frame(const elbo_task_objective *o,
                                   elbo_tape *tape,
                                   const elbo_task_nodes *nodes, bool member)
{
    const elbo_task_control *const control = o->sight.control;
    const elbo_network_words words =
        elbo_task_words(o->sight.belief->model, control, o->role,
                        o->sight.route != NULL);
    elbo_network_frame f = {
        .tape = tape,
        .rows = nodes->rows,
        .o = nodes->o,
        .u = nodes->u,
        .reward = nodes->reward,
        .next = nodes->next,
        .end = nodes->end,
        .member = member,
        .mean = nodes->mean,
        .std = nodes->std,
        .certain = nodes->certain,
        .logp = nodes->logp,
        .pays = nodes->rhat != ELBO_TASK_NO_NODE,
        .rhat = nodes->rhat,
        .gamma = o->sight.gamma,
        .no = o->sight.world->no,
        .nu = o->sight.world->nu,
        .value = control->value_node,
        .target = words.target ? control->target_node : NULL,
        .action_value = control->action_node,
        .policy = words.policy ? control->policy_node : NULL,
        .policy_noise = control->policy_noise
                            ? control->policy_noise(o->sight.solver)
                            : 0,
        .step = words.steps ? step_of : NULL,
        .model = o->sight.belief,
        .of = nodes,
        .control = o->sight.solver,
    };

    memcpy(f.has, words.has, sizeof f.has);
    return f;
}

void elbo_task_leaves(const elbo_task_objective *o, elbo_tape *tape,
                      size_t rows, elbo_task_nodes *nodes)
{
    const size_t no = o->sight.world->no, nu = o->sight.world->nu;

    memset(nodes, 0, sizeof *nodes);
    nodes->rows = rows;
    nodes->o = elbo_tape_constant(tape, rows, no);
    nodes->u = elbo_tape_constant(tape, rows, nu);
    nodes->reward = elbo_tape_constant(tape, rows, 1);
    nodes->next = elbo_tape_constant(tape, rows, no);
    nodes->end = elbo_tape_constant(tape, rows, 1);
    nodes->rhat = ELBO_TASK_NO_NODE;
}

/* Once, to see what it reads, and what is not there. */
static elbo_status try_compile(elbo_task_objective *o, size_t *column)
{
    elbo_tape *const tape = elbo_tape_alloc(ELBO_F32);
    const elbo_network_factor *factor;
    elbo_task_nodes nodes;
    elbo_network *program = NULL;
    elbo_status s = ELBO_OK;

    if (!tape) return ELBO_FAIL(ELBO_ENOMEM, "%s", o->slot);
    elbo_task_leaves(o, tape, 2, &nodes);
    if (o->inside)
        s = o->sight.belief->model->node(o->sight.belief, 0, true, tape,
                                         &nodes);
    if (s == ELBO_OK) {
        const elbo_network_frame f =
            elbo_task_frame(o, tape, &nodes, o->inside);

        s = elbo_network_alloc(o->expr, &f, &program, column);
    }
    for (size_t i = 0; s == ELBO_OK && i < ELBO_NETWORK_TABLES; i++)
        o->reads[i] = elbo_network_reads(program, (elbo_network_table)i);
    o->n_factors = s == ELBO_OK ? elbo_network_factors(program, &factor) : 0;
    for (size_t i = 0; i < o->n_factors; i++) {
        o->factor[i] = factor[i];
        o->factor[i].text = elbo_arena_text(o->arena, factor[i].text);
    }
    elbo_network_free(program);
    elbo_tape_free(tape);
    return s;
}

static size_t cols_of(const elbo_task_objective *o, size_t table)
{
    return table == ELBO_NETWORK_SLOPE || table == ELBO_NETWORK_SLOPE_NEXT
               ? o->sight.world->no
               : 1;
}

static elbo_status take_memory(elbo_task_objective *o, size_t capacity)
{
    for (size_t i = 0; i < ELBO_NETWORK_TABLES; i++)
        if (o->reads[i])
            o->rows.table[i] = o->table[i] = elbo_arena_take(
                o->arena, capacity * cols_of(o, i), sizeof(float));
    o->capacity = capacity;
    o->member =
        elbo_arena_take(o->arena, o->sight.belief->members, sizeof *o->member);
    ELBO_TRY(elbo_arena_check(o->arena, "an expression's tables"));
    elbo_task_objective_set_return(o, 0);
    return ELBO_OK;
}

/* Text to a tree. A reward has a member at hand where it needs one. */
static elbo_status read(elbo_task_objective *o, const char *text,
                        size_t *column)
{
    const bool inside = o->role == ELBO_TASK_LIKELIHOOD;
    const elbo_network_words some = elbo_network_all(inside);
    const elbo_network_words all = elbo_network_all(true);
    elbo_status s = elbo_network_parse(text, elbo_task_factor_words, &some,
                                       o->arena, &o->expr, column, NULL);

    o->inside = inside;
    if (s != ELBO_EINVAL || o->role != ELBO_TASK_REWARD) return s;
    o->inside = true;
    return elbo_network_parse(text, elbo_task_factor_words, &all, o->arena,
                              &o->expr, column, NULL);
}

static elbo_status prepare(elbo_task_objective *o, const char *text,
                           size_t capacity)
{
    size_t column;
    elbo_status s = read(o, text, &column);

    if (s == ELBO_OK && o->inside && !o->sight.belief->model->node)
        return ELBO_FAIL(ELBO_EINVAL, "%s: this model follows no derivative",
                         o->slot);
    if (s == ELBO_OK) s = try_compile(o, &column);
    if (s == ELBO_EINVAL)
        return elbo_fail_prefix("%s, column %zu", o->slot, column + 1);
    ELBO_TRY(s);
    return take_memory(o, capacity);
}

static elbo_node build(void *self, size_t member, elbo_tape *tape,
                       const elbo_task_nodes *nodes);
static void bind(void *self, size_t member, elbo_tape *tape,
                 const elbo_replay *data, const uint32_t slot[], size_t n,
                 elbo_rng *rng);
static elbo_status forward(void *self, size_t member, elbo_tape *tape);
static elbo_status pull(void *self, size_t member, elbo_tape *tape, bool *more);
static double held(void *self, size_t member, elbo_tape *tape);

/* Whether derivatives can go where the slot says. */
static elbo_status check_route(const elbo_task_objective *o)
{
    const elbo_task_sight *const sight = &o->sight;

    if (!sight->route) return ELBO_OK;
    if (!sight->control->equation)
        return ELBO_FAIL(ELBO_EINVAL,
                         "%s: this control's values solve no equation that "
                         "derivatives could follow: gradient must be stop",
                         o->slot);
    if (sight->belief->members > 1)
        return ELBO_FAIL(ELBO_EINVAL,
                         "%s: with gradient: %s the critics solve the equation of "
                         "one model: it must have 1 member, not %zu",
                         o->slot, sight->route->kind->name, sight->belief->members);
    return ELBO_OK;
}

elbo_status elbo_task_objective_open(const char *slot, const char *text,
                                     elbo_task_role role,
                                     const elbo_task_sight *sight,
                                     size_t capacity, elbo_arena *arena,
                                     elbo_task_objective **out)
{
    elbo_task_objective *const o = elbo_arena_take(arena, 1, sizeof *o);

    *out = NULL;
    ELBO_TRY(elbo_arena_check(arena, slot));
    *o = (elbo_task_objective){.slot = slot,
                               .role = role,
                               .sight = *sight,
                               .arena = arena};
    if (role != ELBO_TASK_LIKELIHOOD) o->sight.route = NULL;
    o->likelihood =
        (elbo_task_likelihood){.self = o,
                               .build = build,
                               .bind = bind,
                               .forward = o->sight.route ? forward : NULL,
                               .pull = o->sight.route ? pull : NULL,
                               .held = o->sight.route ? held : NULL};
    ELBO_TRY(check_route(o));
    ELBO_TRY(prepare(o, text, capacity));
    *out = o;
    return ELBO_OK;
}

void elbo_task_objective_close(elbo_task_objective *o)
{
    for (size_t m = 0; o && m < o->sight.belief->members; m++) {
        elbo_network_free(o->member[m].program);
        elbo_task_pull_free(o->member[m].pull);
    }
}

bool elbo_task_objective_looks_back(const elbo_task_objective *o)
{
    return o->reads[ELBO_NETWORK_THEN] || o->reads[ELBO_NETWORK_THEN_NEXT];
}

const elbo_expr *elbo_task_objective_expression(const elbo_task_objective *o)
{
    return o->expr;
}

elbo_task_role elbo_task_objective_role(const elbo_task_objective *o)
{
    return o->role;
}

size_t elbo_task_objective_factors(const elbo_task_objective *o,
                                   const elbo_network_factor **out)
{
    *out = o->factor;
    return o->n_factors;
}

bool elbo_task_objective_returns(const elbo_task_objective *o)
{
    return o->reads[ELBO_NETWORK_J];
}

void elbo_task_objective_set_return(elbo_task_objective *o, double J)
{
    for (size_t i = 0; o->reads[ELBO_NETWORK_J] && i < o->capacity; i++)
        o->table[ELBO_NETWORK_J][i] = (float)J;
}

void elbo_task_objective_set_factor(elbo_task_objective *o, size_t i,
                                    const double values[])
{
    o->rows.factor[i] = values;
}

/* ---- the M-step ---- */

static elbo_status make(elbo_task_objective *o, elbo_task_part *part,
                        elbo_tape *tape, const elbo_task_nodes *nodes)
{
    elbo_network_frame f = elbo_task_frame(o, tape, nodes, true);
    const elbo_task_sight *const sight = &o->sight;
    size_t column;

    if (sight->route) {
        ELBO_TRY(elbo_task_pull_alloc(sight->route, sight->control, sight->solver,
                                      tape, nodes, &part->pull));
        elbo_task_pull_frame(part->pull, &f);
    }
    return elbo_network_alloc(o->expr, &f, &part->program, &column);
}

/* Each member has one tape at a time, on a thread of its own. */
static elbo_node build(void *self, size_t member, elbo_tape *tape,
                       const elbo_task_nodes *nodes)
{
    elbo_task_objective *const o = self;
    elbo_task_part *const part = &o->member[member];

    elbo_network_free(part->program);
    elbo_task_pull_free(part->pull);
    part->program = NULL;
    part->pull = NULL;
    part->status = make(o, part, tape, nodes);
    if (part->status == ELBO_OK) return elbo_network_value(part->program);
    part->error = *elbo_last_error();
    return nodes->logp;
}

static void bind(void *self, size_t member, elbo_tape *tape,
                 const elbo_replay *data, const uint32_t slot[], size_t n,
                 elbo_rng *rng)
{
    const elbo_task_objective *const o = self;
    elbo_network_rows rows = o->rows;

    (void)tape, (void)data;
    rows.slot = slot;
    rows.n = n;
    if (o->member[member].program)
        elbo_network_bind(o->member[member].program, &rows, rng);
    if (o->member[member].pull)
        elbo_task_pull_bind(o->member[member].pull, rng);
}

static elbo_status forward(void *self, size_t member, elbo_tape *tape)
{
    const elbo_task_objective *const o = self;

    if (o->member[member].pull)
        return elbo_task_pull_forward(o->member[member].pull);
    elbo_tape_forward(tape);
    return ELBO_OK;
}

static elbo_status pull(void *self, size_t member, elbo_tape *tape, bool *more)
{
    elbo_task_part *const part = &((elbo_task_objective *)self)->member[member];

    (void)tape;
    if (part->status == ELBO_OK)
        return elbo_task_pull_apply(part->pull, &part->info, more);
    elbo_error_restore(&part->error);
    return part->status;
}

static double held(void *self, size_t member, elbo_tape *tape)
{
    const elbo_task_objective *const o = self;

    (void)tape;
    return elbo_task_pull_held(o->member[member].pull);
}

elbo_gradient_info elbo_task_objective_solved(const elbo_task_objective *o)
{
    return o->member[0].info; /* there is no other where anything is solved */
}

const elbo_task_likelihood *
elbo_task_objective_likelihood(elbo_task_objective *o)
{
    return &o->likelihood;
}

elbo_status elbo_task_objective_made(const elbo_task_objective *o)
{
    for (size_t m = 0; m < o->sight.belief->members; m++) {
        if (o->member[m].status == ELBO_OK) continue;
        elbo_error_restore(&o->member[m].error);
        return o->member[m].status;
    }
    return ELBO_OK;
}

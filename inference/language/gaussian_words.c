/* inference/language/gaussian_words.c -- what the words mean in linear-Gaussian
 * worlds.
 */
#include <float.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

#include "inference/language/gaussian_state.h"

static elbo_term term_of(elbo_poly f)
{
    return (elbo_term){.f = f};
}

static elbo_term nothing(elbo_gaussian_compiler *c)
{
    return term_of(elbo_poly_number(c, 0));
}

elbo_term elbo_gaussian_without(elbo_gaussian_compiler *c, const elbo_expr *e,
                                const char *why)
{
    if (c->status == ELBO_OK) c->column = e->column;
    elbo_gaussian_refuse(c, "%s: %s", e->name, why);
    return nothing(c);
}

/* The nodes from here on are of this place of the text. */
static void mark_place(elbo_gaussian_compiler *c)
{
    elbo_gaussian *const p = c->program;
    elbo_gaussian_place *const place =
        elbo_arena_take(p->arena, 1, sizeof *place);

    if (!place) return; /* the arena remembers */
    *place = (elbo_gaussian_place){elbo_rows_number(c, 0), c->column, p->places};
    p->places = place;
}

/* After its arguments. */
void elbo_gaussian_back_to(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    if (c->status != ELBO_OK) return;
    c->column = e->column;
    mark_place(c);
}

static elbo_node table(elbo_gaussian_compiler *c, elbo_gaussian_table which)
{
    return elbo_gaussian_table_node(c, which, false);
}

/* ---- the transition ---- */

static elbo_node mean_of_y(elbo_gaussian_compiler *c)
{
    const elbo_gaussian *const p = c->program;

    if (!c->made_mean)
        c->mean = elbo_rows_apply(c, table(c, ELBO_GAUSSIAN_M), p->batch.nx,
                                  p->nz + 1, c->s_a_1);
    c->made_mean = true;
    return c->mean;
}

static elbo_term state(elbo_poly f, elbo_time time)
{
    return (elbo_term){f, time};
}

static elbo_term variable(elbo_gaussian_compiler *c, elbo_time time)
{
    return state(elbo_poly_variable(c), time);
}

static elbo_poly action(elbo_gaussian_compiler *c)
{
    return c->variable == ELBO_OF_ACTION ? elbo_poly_variable(c)
                                         : elbo_poly_of(c, c->a);
}

static elbo_term action_word(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    (void)e;
    return term_of(action(c));
}

static elbo_term now(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    (void)e;
    return state(elbo_poly_of(c, c->s), ELBO_NOW);
}

static elbo_term next(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    if (c->variable == ELBO_OF_ACTION)
        return elbo_gaussian_without(c, e, "Epi averages functions of (s, a)");
    return state(elbo_poly_of(c, c->next), ELBO_NEXT);
}

static elbo_term y_word(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    (void)e;
    return variable(c, ELBO_NEXT);
}

static elbo_term gamma_word(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    (void)e;
    return term_of(elbo_poly_number(c, c->program->batch.gamma));
}

/* k times z'P z and so on of three tables. */
static elbo_poly quadratic(elbo_gaussian_compiler *c, elbo_gaussian_table P,
                           bool later, elbo_poly x)
{
    return elbo_poly_quadratic(
        c, -0.5, elbo_gaussian_table_node(c, P, later),
        elbo_gaussian_table_node(c, (elbo_gaussian_table)(P + 1), later),
        elbo_gaussian_table_node(c, (elbo_gaussian_table)(P + 2), later), x);
}

static elbo_term reward(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    const elbo_poly z = elbo_poly_join(c, elbo_poly_of(c, c->s), action(c));

    (void)e;
    return term_of(quadratic(c, ELBO_GAUSSIAN_R_P, false, z));
}

/* k (e'P e + log |S| + n log 2 pi), log |S| a table. */
static elbo_poly log_density(elbo_gaussian_compiler *c, elbo_node precision,
                             elbo_node logdet, elbo_poly e)
{
    const size_t n = e.cols;
    const elbo_node level = elbo_rows_scale(
        c,
        elbo_rows_binary(c, ELBO_ADD, logdet,
                         elbo_rows_number(c, (double)n * log(2 * M_PI))),
        -0.5);
    const elbo_node zero = elbo_rows_number(c, 0);

    return elbo_poly_quadratic(c, -0.5, precision, zero, level, e);
}

static elbo_term logp(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    elbo_poly off;

    if (c->variable == ELBO_OF_ACTION)
        return elbo_gaussian_without(c, e, "Epi averages functions of (s, a)");
    off = elbo_poly_add(c, ELBO_SUB, elbo_poly_of(c, c->next),
                        elbo_poly_of(c, mean_of_y(c)));
    return term_of(log_density(c, table(c, ELBO_GAUSSIAN_PRECISION),
                               table(c, ELBO_GAUSSIAN_LOGDET), off));
}

/* ---- the planner ---- */

/* V's stage at this state; false: it has none. */
static bool stage_of(elbo_gaussian_compiler *c, const elbo_expr *e, elbo_time time,
                     bool *later)
{
    *later = time == ELBO_NEXT;
    if (c->program->batch.horizon == 0) return true;
    if (time == ELBO_NOW || time == ELBO_NEXT) return true;
    elbo_gaussian_without(c, e, "with a horizon V differs from stage to stage, and this state "
                 "has none");
    return false;
}

/* e's first argument. */
static elbo_term argument(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    const elbo_term x = elbo_gaussian_term(c, e->arg[0]);

    if (c->status != ELBO_OK) return x;
    elbo_gaussian_back_to(c, e);
    if (x.f.cols == c->program->batch.nx) return x;
    return elbo_gaussian_without(c, e, "this vector is no state: it has other numbers");
}

static elbo_term value(elbo_gaussian_compiler *c, const elbo_expr *e,
                       elbo_gaussian_table which)
{
    const elbo_term x = argument(c, e);
    bool later;

    if (c->status != ELBO_OK || !stage_of(c, e, x.time, &later)) return nothing(c);
    return term_of(quadratic(c, which, later, x.f));
}

static elbo_term call_V(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    return value(c, e, ELBO_GAUSSIAN_V_P);
}

static elbo_term call_target(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    return value(c, e, ELBO_GAUSSIAN_TARGET_P);
}

static elbo_term call_then(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    return value(c, e, ELBO_GAUSSIAN_THEN_P);
}

/* p - P x */
static elbo_term slope(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    const elbo_term x = argument(c, e);
    bool later;

    if (c->status != ELBO_OK || !stage_of(c, e, x.time, &later)) return nothing(c);

    const elbo_poly Px =
        elbo_poly_map(c, elbo_gaussian_table_node(c, ELBO_GAUSSIAN_V_P, later),
                      c->program->batch.nx, x.f);
    const elbo_poly p =
        elbo_poly_of(c, elbo_gaussian_table_node(c, ELBO_GAUSSIAN_V_p, later));

    return term_of(elbo_poly_add(c, ELBO_SUB, p, Px));
}

/* (state, a) at the transition's own stage. */
static elbo_poly pair_at(elbo_gaussian_compiler *c, const elbo_expr *e,
                         elbo_term *x)
{
    *x = argument(c, e);
    if (c->program->batch.horizon > 0 && x->time != ELBO_NOW)
        elbo_gaussian_without(c, e, "with a horizon the policy and Q are those of the "
                     "transition's own stage: its state must be s");
    return elbo_poly_join(c, x->f, action(c));
}

static elbo_term call_Q(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    elbo_term x;
    const elbo_poly z = pair_at(c, e, &x);

    return term_of(quadratic(c, ELBO_GAUSSIAN_Q_P, false, z));
}

static elbo_term call_A(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    elbo_term x;
    const elbo_poly z = pair_at(c, e, &x);
    const elbo_poly Q = quadratic(c, ELBO_GAUSSIAN_Q_P, false, z);

    return term_of(elbo_poly_add(c, ELBO_SUB, Q,
                                 quadratic(c, ELBO_GAUSSIAN_V_P, false, x.f)));
}

/* K x + k */
static elbo_poly policy_mean(elbo_gaussian_compiler *c, elbo_poly x)
{
    return elbo_poly_add(c, ELBO_ADD,
                         elbo_poly_map(c, table(c, ELBO_GAUSSIAN_PI_K),
                                       c->program->batch.nu, x),
                         elbo_poly_of(c, table(c, ELBO_GAUSSIAN_PI_k)));
}

static elbo_term logpi_at(elbo_gaussian_compiler *c, elbo_poly x)
{
    const elbo_poly off =
        elbo_poly_add(c, ELBO_SUB, action(c), policy_mean(c, x));

    return term_of(log_density(c, table(c, ELBO_GAUSSIAN_PI_PRECISION),
                               table(c, ELBO_GAUSSIAN_PI_LOGDET), off));
}

static elbo_term logpi(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    (void)e;
    return logpi_at(c, elbo_poly_of(c, c->s));
}

static elbo_term call_logpi(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    elbo_term x;

    pair_at(c, e, &x);
    return c->status == ELBO_OK ? logpi_at(c, x.f) : nothing(c);
}

static elbo_term word_J(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    (void)e;
    return term_of(elbo_poly_of(c, table(c, ELBO_GAUSSIAN_J)));
}

static elbo_term word_Jmodel(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    (void)e;
    return term_of(elbo_poly_of(c, table(c, ELBO_GAUSSIAN_JMODEL)));
}

static elbo_term word_gradJ_error(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    (void)e;
    return term_of(elbo_poly_of(c, table(c, ELBO_GAUSSIAN_GRADJ_ERROR)));
}

/* ---- averages ---- */

typedef elbo_poly average(elbo_gaussian_compiler *c, elbo_poly f, elbo_node m,
                          elbo_node S);

/* Over y. The average of a state is a state of the same time. */
static elbo_term over_y(elbo_gaussian_compiler *c, const elbo_expr *e, average *f)
{
    const elbo_variable before = c->variable;
    const size_t d = c->d;
    elbo_term x;

    if (before == ELBO_OF_ACTION)
        return elbo_gaussian_without(c, e, "within Epi the model's y is not averaged");
    c->variable = ELBO_OF_Y;
    c->d = c->program->batch.nx;
    x = elbo_gaussian_term(c, e->arg[0]);
    elbo_gaussian_back_to(c, e);
    if (x.f.degree > 0)
        x.f = f(c, x.f, mean_of_y(c), table(c, ELBO_GAUSSIAN_W));
    else if (f == elbo_poly_variance)
        x.f = elbo_poly_number(c, 0);
    c->variable = before;
    c->d = d;
    return x;
}

static elbo_term call_E(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    if (e->n == 2)
        return elbo_gaussian_without(c, e, "it is exact here: E(f), without samples");
    return over_y(c, e, elbo_poly_mean);
}

static elbo_term call_Var(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    return over_y(c, e, elbo_poly_variance);
}

static elbo_term call_Epi(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    const elbo_variable before = c->variable;
    const size_t d = c->d;
    elbo_term x;

    if (before != ELBO_NO_VARIABLE)
        return elbo_gaussian_without(c, e, "it cannot stand within E, Var or Epi");
    c->variable = ELBO_OF_ACTION;
    c->d = c->program->batch.nu;
    x = elbo_gaussian_term(c, e->arg[0]);
    elbo_gaussian_back_to(c, e);
    if (x.f.degree > 0)
        x.f = elbo_poly_mean(c, x.f,
                             policy_mean(c, elbo_poly_of(c, c->s)).c,
                             table(c, ELBO_GAUSSIAN_PI_S));
    c->variable = before;
    c->d = d;
    return term_of(x.f);
}

/* By the weights, or equally where all are 0. */
static elbo_node shares(elbo_gaussian_compiler *c)
{
    const elbo_gaussian_batch *const b = &c->program->batch;
    double *const share = elbo_arena_doubles(c->program->arena, b->n);
    double sum = 0;

    for (size_t i = 0; i < b->n; i++) sum += b->weight[i];
    for (size_t i = 0; share && i < b->n; i++)
        share[i] = sum > 0 ? b->weight[i] / sum : 1 / (double)b->n;
    return elbo_rows_constant(c, b->n, 1, share);
}

static elbo_term call_mean(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    elbo_gaussian *const p = c->program;
    const elbo_variable before = c->variable;
    elbo_term x;

    if (before == ELBO_OF_ACTION)
        return elbo_gaussian_without(c, e, "it cannot stand within Epi");
    x = elbo_gaussian_term(c, e->arg[0]);
    if (c->status != ELBO_OK) return nothing(c);
    elbo_gaussian_back_to(c, e);
    if (x.f.degree > 0) return elbo_gaussian_without(c, e, "it is a mean over data: it has no y");
    if (elbo_tape_rows(p->tape, x.f.c) > 1)
        x.f.c = elbo_tape_matmul(p->tape, shares(c), true, x.f.c, false);
    return x;
}

/* ---- what these worlds have not ---- */

static elbo_term no_Ed(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    return elbo_gaussian_without(c, e, "a mean over the samples of one (s, a), and here no two "
                        "samples share one: write f itself, or mean(f)");
}

static elbo_term no_samples(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    return elbo_gaussian_without(c, e, "E is exact here: sq(E(f) - c)");
}

static elbo_term no_rhat(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    return elbo_gaussian_without(c, e, "rewards are known here: write r");
}

static elbo_term no_rows(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    return elbo_gaussian_without(c, e, "linear-Gaussian worlds have no such word");
}

typedef elbo_term meaning(elbo_gaussian_compiler *c, const elbo_expr *e);

static const struct {
    const char *name;
    meaning *bare, *call;
} words[] = {
    {"s",         now,         NULL       },
    {"a",         action_word, NULL       },
    {"next",      next,        NULL       },
    {"y",         y_word,      NULL       },
    {"r",         reward,      NULL       },
    {"rhat",      no_rhat,     NULL       },
    {"gamma",     gamma_word,  NULL       },
    {"logp",      logp,        NULL       },
    {"logpi",     logpi,       call_logpi },
    {"J",         word_J,      NULL       },
    {"Jmodel",    word_Jmodel, NULL       },
    {"gradJ_error", word_gradJ_error, NULL},
    {"V",         NULL,        call_V     },
    {"V_target",  NULL,        call_target},
    {"V_then",    NULL,        call_then  },
    {"Q",         NULL,        call_Q     },
    {"A",         NULL,        call_A     },
    {"gradV",     NULL,        slope      },
    {"E",         NULL,        call_E     },
    {"Var",       NULL,        call_Var   },
    {"Epi",       NULL,        call_Epi   },
    {"mean",      NULL,        call_mean  },
    {"Ed",        NULL,        no_Ed      },
    {"usq",       NULL,        no_samples },
};

static elbo_term word(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    const bool bare = e->kind == ELBO_EXPR_NAME;
    elbo_term x;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        meaning *const build = bare ? words[i].bare : words[i].call;

        if (build && strcmp(words[i].name, e->name) == 0) return build(c, e);
    }
    return bare || !elbo_gaussian_call(c, e, &x) ? no_rows(c, e) : x;
}

elbo_term elbo_gaussian_term(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    elbo_term x;

    if (c->status != ELBO_OK) return nothing(c);
    elbo_gaussian_back_to(c, e);
    mark_place(c);
    if (e->kind == ELBO_EXPR_NUMBER)
        x = term_of(elbo_poly_number(c, e->number));
    else if (e->factor)
        x = elbo_gaussian_without(c, e, "a factor of finite worlds");
    else if (e->kind == ELBO_EXPR_NAME || e->kind == ELBO_EXPR_CALL)
        x = word(c, e);
    else
        x = elbo_gaussian_arithmetic(c, e);
    return x;
}

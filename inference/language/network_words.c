/* inference/language/network_words.c -- what the words mean for networks.
 */
#include <math.h>
#include <string.h>

#include "inference/language/network_state.h"

static elbo_tape *tape_of(const elbo_net_compiler *c)
{
    return c->program->frame.tape;
}

static bool is_name(const elbo_expr *e, const char *name)
{
    return e->kind == ELBO_EXPR_NAME && strcmp(e->name, name) == 0;
}

elbo_net_term elbo_net_without(elbo_net_compiler *c, const elbo_expr *e,
                               const char *why)
{
    if (c->status == ELBO_OK) c->column = e->column;
    elbo_net_refuse(c, "%s: %s", e->name, why);
    return (elbo_net_term){.cols = 1};
}

/* ---- the transition and the model ---- */

static elbo_net_term state(elbo_net_compiler *c, const elbo_expr *e)
{
    (void)e;
    return elbo_net_row(c->program->frame.o, c->program->frame.no);
}

static elbo_net_term action(elbo_net_compiler *c, const elbo_expr *e)
{
    (void)e;
    return elbo_net_row(c->program->frame.u, c->program->frame.nu);
}

static elbo_net_term next(elbo_net_compiler *c, const elbo_expr *e)
{
    (void)e;
    return elbo_net_row(c->program->frame.next, c->program->frame.no);
}

static elbo_net_term reward(elbo_net_compiler *c, const elbo_expr *e)
{
    (void)e;
    return elbo_net_row(c->program->frame.reward, 1);
}

static elbo_net_term discount(elbo_net_compiler *c, const elbo_expr *e)
{
    (void)e;
    return elbo_net_number(c, c->program->frame.gamma);
}

static elbo_net_term successor(elbo_net_compiler *c, const elbo_expr *e)
{
    (void)e;
    return elbo_net_y(c);
}

static elbo_net_term table(elbo_net_compiler *c, const elbo_expr *e,
                           elbo_network_table which, const char *why)
{
    const elbo_network_frame *const f = &c->program->frame;
    const bool slope =
        which == ELBO_NETWORK_SLOPE || which == ELBO_NETWORK_SLOPE_NEXT;

    if (!f->has[which]) return elbo_net_without(c, e, why);
    return elbo_net_row(elbo_net_table(c, which), slope ? f->no : 1);
}

static elbo_net_term logp(elbo_net_compiler *c, const elbo_expr *e)
{
    if (c->program->frame.member)
        return elbo_net_row(c->program->frame.logp, 1);
    return table(c, e, ELBO_NETWORK_LOGP, "this model has no density");
}

static elbo_net_term rhat(elbo_net_compiler *c, const elbo_expr *e)
{
    const elbo_network_frame *const f = &c->program->frame;

    if (f->member && f->pays) return elbo_net_row(f->rhat, 1);
    return elbo_net_without(c, e,
                            f->member
                                ? "this model knows no rewards"
                                : "no member of the model is at hand here");
}

static const char of_all_members[] =
    "it compares the members of an ensemble: a weight and control.reward read "
    "it, a member's own objective does not";

static elbo_net_term aleatoric(elbo_net_compiler *c, const elbo_expr *e)
{
    if (c->pi)
        return elbo_net_without(c, e, "known at (s, a) of the data alone");
    return table(c, e, ELBO_NETWORK_ALEATORIC, of_all_members);
}

static elbo_net_term disagreement(elbo_net_compiler *c, const elbo_expr *e)
{
    if (c->pi)
        return elbo_net_without(c, e, "known at (s, a) of the data alone");
    return table(c, e, ELBO_NETWORK_DISAGREEMENT, of_all_members);
}

/* ---- the planner ---- */

static const char no_value[] = "this control has no value function";
static const char no_target[] =
    "this control keeps no slow copy of its value";
static const char no_action_value[] =
    "this control tells no value of an action";
static const char no_density[] = "this control tells no density of an action";

/* x where the episode goes on, 0 where it is over. */
static elbo_net_term while_alive(elbo_net_compiler *c, elbo_net_term x)
{
    const elbo_node one = elbo_tape_number(tape_of(c), 1);
    const elbo_node alive =
        elbo_tape_binary(tape_of(c), ELBO_SUB, one, c->program->frame.end);

    return elbo_net_binary(c, ELBO_MUL, x, elbo_net_row(alive, 1));
}

typedef elbo_status valuer(void *control, elbo_tape *tape, elbo_node o,
                           elbo_node *V);

/* By a network of the control at the state that the argument is. */
static elbo_net_term value_at(elbo_net_compiler *c, const elbo_expr *e,
                              valuer *value, const char *why)
{
    const unsigned later = ELBO_ON_Y | ELBO_ON_THETA | ELBO_ON_NEXT;
    const elbo_network_frame *const f = &c->program->frame;
    elbo_net_term x = elbo_net_plain(c, elbo_net_term_of(c, e->arg[0]));

    if (c->status != ELBO_OK) return x;
    c->column = e->column;
    if (x.single)
        return elbo_net_without(c, e,
                                "here one sample stands for Ed's mean: write "
                                "Ed(V(f)), or V(f)");
    if (x.cols != f->no)
        return elbo_net_without(
            c, e, "this vector is no state: it has other numbers");
    if (!value) return elbo_net_without(c, e, why);
    c->status = value(f->control, f->tape, x.x, &x.x);
    x.cols = 1;
    return e->arg[0]->depends & later ? while_alive(c, x) : x;
}

static elbo_net_term call_V(elbo_net_compiler *c, const elbo_expr *e)
{
    if (is_name(e->arg[0], "s")) return table(c, e, ELBO_NETWORK_V, no_value);
    if (is_name(e->arg[0], "next"))
        return table(c, e, ELBO_NETWORK_V_NEXT, no_value);
    return value_at(c, e, c->program->frame.value, no_value);
}

static elbo_net_term call_target(elbo_net_compiler *c, const elbo_expr *e)
{
    if (is_name(e->arg[0], "s"))
        return table(c, e, ELBO_NETWORK_TARGET, no_target);
    if (is_name(e->arg[0], "next"))
        return table(c, e, ELBO_NETWORK_TARGET_NEXT, no_target);
    return value_at(c, e, c->program->frame.target,
                    c->program->frame.has[ELBO_NETWORK_TARGET]
                        ? "known at s and at next of the data alone"
                        : no_target);
}

static elbo_net_term call_then(elbo_net_compiler *c, const elbo_expr *e)
{
    if (is_name(e->arg[0], "s")) return table(c, e, ELBO_NETWORK_THEN, no_value);
    if (is_name(e->arg[0], "next"))
        return table(c, e, ELBO_NETWORK_THEN_NEXT, no_value);
    return elbo_net_without(c, e,
                            "known at s and at next: of old networks only what "
                            "they said there is kept");
}

static elbo_net_term call_slope(elbo_net_compiler *c, const elbo_expr *e)
{
    if (is_name(e->arg[0], "s"))
        return table(c, e, ELBO_NETWORK_SLOPE, no_value);
    if (is_name(e->arg[0], "next"))
        return table(c, e, ELBO_NETWORK_SLOPE_NEXT, no_value);
    return elbo_net_without(
        c, e,
        "known at s and at next: elsewhere its derivative would "
        "be the second one of a network");
}

/* The data's own (s, a). */
static bool at_data(elbo_net_compiler *c, const elbo_expr *e)
{
    if (is_name(e->arg[0], "s") && is_name(e->arg[1], "a")) return true;
    elbo_net_without(c, e, "known at (s, a) of the data alone");
    return false;
}

/* Q at the policy's actions, within Epi. */
static elbo_net_term value_of_actions(elbo_net_compiler *c, const elbo_expr *e)
{
    const elbo_network_frame *const f = &c->program->frame;
    elbo_node Q = 0;

    if (!f->action_value) return elbo_net_without(c, e, no_action_value);
    c->status = f->action_value(f->control, f->tape, f->o, f->u, &Q);
    return elbo_net_row(Q, 1);
}

static elbo_net_term call_Q(elbo_net_compiler *c, const elbo_expr *e)
{
    if (!at_data(c, e)) return elbo_net_number(c, 0);
    if (c->pi) return value_of_actions(c, e);
    return table(c, e, ELBO_NETWORK_Q, no_action_value);
}

static elbo_net_term call_A(elbo_net_compiler *c, const elbo_expr *e)
{
    elbo_net_term Q, V;

    if (!at_data(c, e)) return elbo_net_number(c, 0);
    Q = call_Q(c, e);
    V = table(c, e, ELBO_NETWORK_V, no_value);
    return elbo_net_binary(c, ELBO_SUB, Q, V);
}

static elbo_net_term logpi(elbo_net_compiler *c, const elbo_expr *e)
{
    if (!c->pi) return table(c, e, ELBO_NETWORK_LOGPI, no_density);
    if (!c->pi->dense) return elbo_net_without(c, e, no_density);
    return elbo_net_row(c->pi->logpi, 1);
}

static elbo_net_term call_logpi(elbo_net_compiler *c, const elbo_expr *e)
{
    return at_data(c, e) ? logpi(c, e) : elbo_net_number(c, 0);
}

static elbo_net_term returned(elbo_net_compiler *c, const elbo_expr *e)
{
    return table(c, e, ELBO_NETWORK_J,
                 "the return in the world is told of planners alone, in a "
                 "likelihood");
}

/* ---- the data ---- */

/* The one sample that there is. */
static elbo_net_term call_Ed(elbo_net_compiler *c, const elbo_expr *e)
{
    elbo_net_term x;

    if (c->pi)
        return elbo_net_without(c, e, "of other actions than the data's own "
                                      "there is no sample");
    x = elbo_net_term_of(c, e->arg[0]);
    x.single = x.single || e->arg[0]->depends & ELBO_ON_NEXT;
    return x;
}

/* A factor's call, or a quotient of occupancies. */
static elbo_net_term factor(elbo_net_compiler *c, const elbo_expr *e,
                            const char *text)
{
    if (c->pi)
        return elbo_net_without(c, e, "known at (s, a) of the data alone");
    if (!text) return elbo_net_number(c, 0); /* the arena remembers */
    if (c->status != ELBO_OK) return elbo_net_number(c, 0);
    return elbo_net_row(elbo_net_factor(c, text, e), 1);
}

static elbo_net_term factor_word(elbo_net_compiler *c, const elbo_expr *e)
{
    if (strcmp(e->name, "occupancy") == 0)
        return elbo_net_without(
            c, e,
            "of these worlds only the quotient "
            "occupancy(current)/occupancy(data) is estimated");
    if (c->y && e->factor->shape == ELBO_FACTOR_ENTRY)
        return elbo_net_without(c, e,
                                "known at next alone, not at the model's y");
    return factor(c, e, elbo_factor_text(e, c->program->arena));
}

static bool is_occupancy(const elbo_expr *e, const char *of)
{
    return e->kind == ELBO_EXPR_CALL && strcmp(e->name, "occupancy") == 0
           && is_name(e->arg[0], of);
}

static bool is_density(const elbo_expr *e)
{
    return is_occupancy(e, "data") && e->n == 1;
}

static bool is_quotient(const elbo_expr *e)
{
    return e->kind == ELBO_EXPR_DIV && is_occupancy(e->arg[0], "current")
           && is_density(e->arg[1]);
}

/* f*occupancy(current)/occupancy(data), as it is read from the left. */
static bool is_times_quotient(const elbo_expr *e)
{
    const elbo_expr *const left = e->n == 2 ? e->arg[0] : NULL;

    return e->kind == ELBO_EXPR_DIV && is_density(e->arg[1])
           && left->kind == ELBO_EXPR_MUL
           && is_occupancy(left->arg[1], "current");
}

static elbo_net_term quotient(elbo_net_compiler *c, const elbo_expr *current)
{
    return factor(c, current, elbo_factor_text(current, c->program->arena));
}

static elbo_net_term times_quotient(elbo_net_compiler *c, const elbo_expr *e)
{
    const elbo_net_term x = elbo_net_term_of(c, e->arg[0]->arg[0]);

    return elbo_net_binary(c, ELBO_MUL, x, quotient(c, e->arg[0]->arg[1]));
}

/* ---- what networks have not ---- */

static const struct {
    const char *name, *why;
} absent[] = {
    {"Jmodel",
     "a policy's return in the model is no function of networks here"              },
    {"Jcwpdis",   "importance weights of whole episodes are not computed here"     },
    {"occupancy",
     "visits are not solved for here: occupancy(current)/occupancy(data) is "
     "estimated"                                                                   },
    {"T",         "steps further ahead than one are not unrolled here: see roll"   },
    {"Td",        "the data's steps are not followed further than one here"        },
    {"fixed_pi",  "no derivative goes through the policy here: write f itself"     },
    {"worst",     "an adversary's weights are not found here: see mean(f)"         },
};

static elbo_net_term refuse(elbo_net_compiler *c, const elbo_expr *e)
{
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        if (strcmp(absent[i].name, e->name) == 0)
            return elbo_net_without(c, e, absent[i].why);
    return elbo_net_without(c, e, "networks have no such word");
}

/* ---- terms ---- */

typedef elbo_net_term meaning(elbo_net_compiler *c, const elbo_expr *e);

static const struct {
    const char *name;
    meaning *bare, *call;
} words[] = {
    {"s",     state,     NULL      },
    {"a",     action,    NULL      },
    {"next",  next,      NULL      },
    {"r",     reward,    NULL      },
    {"y",     successor, NULL      },
    {"gamma", discount,  NULL      },
    {"logp",  logp,      NULL      },
    {"rhat",  rhat,      NULL      },
    {"logpi", logpi,     call_logpi},
    {"J",     returned,  NULL      },
    {"V",     NULL,      call_V    },
    {"gradV", NULL,      call_slope},
    {"Q",     NULL,      call_Q    },
    {"A",     NULL,      call_A    },
    {"Ed",    NULL,      call_Ed   },
    {"V_target", NULL,   call_target},
    {"V_then", NULL,     call_then },
    {"aleatoric", aleatoric, NULL  },
    {"disagreement", disagreement, NULL},
};

static elbo_net_term word(elbo_net_compiler *c, const elbo_expr *e)
{
    const bool bare = e->kind == ELBO_EXPR_NAME;
    elbo_net_term x;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        meaning *const build = bare ? words[i].bare : words[i].call;

        if (build && strcmp(words[i].name, e->name) == 0) return build(c, e);
    }
    return bare || !elbo_net_call(c, e, &x) ? refuse(c, e) : x;
}

static elbo_net_term power(elbo_net_compiler *c, const elbo_expr *e)
{
    elbo_net_term x = elbo_net_term_of(c, e->arg[0]);

    if (c->status != ELBO_OK) return x;
    c->column = e->column;
    if (e->number == 2) return elbo_net_square(c, x);
    if (e->number == 1) return x;
    if (x.single)
        elbo_net_refuse(
            c, "here one sample stands for Ed's mean, which only sums and "
               "squares bear: write f for Ed(f) if that is meant");
    x = elbo_net_plain(c, x);
    if (c->status == ELBO_OK) x.x = elbo_tape_pow(tape_of(c), x.x, e->number);
    return x;
}

static elbo_net_term arithmetic(elbo_net_compiler *c, const elbo_expr *e)
{
    static const elbo_binary ops[] = {
        [ELBO_EXPR_ADD] = ELBO_ADD,
        [ELBO_EXPR_SUB] = ELBO_SUB,
        [ELBO_EXPR_MUL] = ELBO_MUL,
        [ELBO_EXPR_DIV] = ELBO_DIV,
    };
    elbo_net_term x, y;

    if (e->kind == ELBO_EXPR_POW) return power(c, e);
    x = elbo_net_term_of(c, e->arg[0]);
    if (e->kind == ELBO_EXPR_NEG) return elbo_net_scale(c, x, -1);
    y = elbo_net_term_of(c, e->arg[1]);
    if (c->status == ELBO_OK) c->column = e->column;
    return elbo_net_binary(c, ops[e->kind], x, y);
}

elbo_net_term elbo_net_term_of(elbo_net_compiler *c, const elbo_expr *e)
{
    elbo_net_term x = {.cols = 1};

    if (c->status != ELBO_OK) return x;
    c->column = e->column;
    if (e->kind == ELBO_EXPR_NUMBER)
        x = elbo_net_number(c, e->number);
    else if (is_quotient(e))
        x = quotient(c, e->arg[0]);
    else if (is_times_quotient(e))
        x = times_quotient(c, e);
    else if (e->factor)
        x = factor_word(c, e);
    else if (e->kind == ELBO_EXPR_NAME || e->kind == ELBO_EXPR_CALL)
        x = word(c, e);
    else
        x = arithmetic(c, e);
    x.depends = e->depends;
    return x;
}

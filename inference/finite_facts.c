#include "inference/finite_facts.h"

#include <stdlib.h>
#include <string.h>

static elbo_kl kl_of(const elbo_setup *setup)
{
    return elbo_choice_is(setup->control_common, "kl", "next") ? ELBO_KL_NEXT
                                                               : ELBO_KL_STEP;
}

static elbo_status read_tilt(const elbo_setup *setup, elbo_kl kl,
                             elbo_arena *arena, elbo_tilt *out)
{
    return elbo_transition_parse(elbo_text(setup->inference, "transition"), kl,
                                 elbo_real(setup->env_common, "discount"),
                                 arena, out, NULL, NULL);
}

elbo_status elbo_slots_read(const elbo_setup *setup, elbo_arena *arena,
                            elbo_slots *out)
{
    out->gamma = elbo_real(setup->env_common, "discount");
    out->alpha = setup->control->hard
                     ? 0
                     : elbo_real(setup->control_common, "temperature");
    out->optimality = elbo_choice_is(setup->inference, "optimality", "linear")
                          ? ELBO_LINEAR
                          : ELBO_EXPONENTIAL;
    ELBO_TRY(elbo_gradient_parse(elbo_text(setup->inference, "gradient"), arena,
                                 &out->route, NULL, NULL));
    return read_tilt(setup, kl_of(setup), arena, &out->tilt);
}

size_t elbo_horizon_read(const elbo_setup *setup)
{
    const char *text = elbo_text(setup->env_common, "horizon");

    return strcmp(text, "none") == 0 ? 0 : (size_t)strtod(text, NULL);
}

static bool rolls(const elbo_expr *expr)
{
    static const char *const words[] = {"roll", "T", "Td"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (expr->kind == ELBO_EXPR_CALL && strcmp(expr->name, words[i]) == 0
            && expr->arg[0]->number > 1)
            return true;
    for (size_t i = 0; i < expr->n; i++)
        if (rolls(expr->arg[i])) return true;
    return false;
}

static bool learns(const elbo_expr *expr)
{
    if (expr->factor && expr->factor->learns) return true;
    for (size_t i = 0; i < expr->n; i++)
        if (learns(expr->arg[i])) return true;
    return false;
}

/* Which words of standing values an expression reads. */
static elbo_status read_words(const char *text, elbo_arena *arena,
                              elbo_facts *f)
{
    elbo_expr *expr;

    if (elbo_likelihood_term(text)) return ELBO_OK;
    ELBO_TRY(elbo_objective_parse(text, arena, &expr, NULL, NULL));
    f->rhat = f->rhat || elbo_expr_reads(expr, "rhat");
    f->backups = f->backups || elbo_expr_reads(expr, "T");
    f->then = f->then || elbo_expr_reads(expr, "V_then");
    f->target = f->target || elbo_expr_reads(expr, "V_target");
    f->rolls = f->rolls || rolls(expr);
    f->episodes = f->episodes || elbo_expr_reads(expr, "Jcwpdis");
    f->gradients = f->gradients || elbo_expr_reads(expr, "gradJ_error");
    f->learnt_elsewhere = f->learnt_elsewhere || learns(expr);
    return ELBO_OK;
}

static elbo_status read_likelihood(const char *text, elbo_arena *arena,
                                   elbo_facts *f)
{
    const elbo_likelihood *likelihood;
    elbo_expr *expr;

    ELBO_TRY(elbo_likelihood_parse(text, &likelihood, NULL, NULL));
    f->expression = !likelihood->conjugate;
    f->stops = elbo_route_stops(&f->slots.route);
    ELBO_TRY(elbo_likelihood_reads_beyond(text, "Jmodel", &f->more));
    ELBO_TRY(elbo_likelihood_depends(text, &f->depends));
    f->calibration = ELBO_CALIBRATED; /* brier, as a square of the row's mean */
    if (elbo_likelihood_term(text)) return ELBO_OK;
    ELBO_TRY(elbo_objective_parse(text, arena, &expr, NULL, NULL));
    f->calibration = elbo_expr_calibration(expr);
    f->samples = elbo_expr_samples(expr);
    return elbo_named_match(expr, arena, &f->named);
}

static elbo_status read_expressions(const elbo_setup *setup, elbo_arena *arena,
                                    elbo_facts *f)
{
    const char *const texts[] = {
        elbo_text(setup->inference, "likelihood"),
        elbo_text(setup->inference, "weight"),
        elbo_text(setup->control_common, "reward"),
        elbo_text(setup->control_common, "return_weight"),
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ELBO_TRY(read_words(texts[i], arena, f));
        if (i > 0) continue;
        f->learnt = f->learnt_elsewhere;
        f->learnt_elsewhere = false;
    }
    return read_likelihood(texts[0], arena, f);
}

elbo_status elbo_facts_read(const elbo_setup *setup, elbo_arena *arena,
                            elbo_facts *f)
{
    elbo_tilt other = {0};
    const elbo_kl kl = kl_of(setup);

    *f = (elbo_facts){.setup = setup,
                      .kappa = elbo_real(setup->inference, "feedback")};
    ELBO_TRY(elbo_slots_read(setup, arena, &f->slots));
    ELBO_TRY(read_tilt(setup, kl == ELBO_KL_STEP ? ELBO_KL_NEXT : ELBO_KL_STEP,
                       arena, &other));
    ELBO_TRY(read_expressions(setup, arena, f));
    ELBO_TRY(elbo_weight_parse(elbo_text(setup->inference, "weight"),
                               &f->weight, NULL, NULL));
    ELBO_TRY(elbo_return_read(elbo_text(setup->control_common, "reward"),
                              &f->reward));
    ELBO_TRY(elbo_return_read(elbo_text(setup->control_common, "return_weight"),
                              &f->returned));
    f->linear = f->slots.optimality == ELBO_LINEAR;
    f->tilted = f->slots.tilt.kind->posterior != NULL;
    f->robust = elbo_tilt_adversarial(&f->slots.tilt);
    /* a tilt with a convention of its own does not follow the default */
    f->stages = elbo_horizon_read(setup) > 0 && !setup->model->regress
                && ((f->depends | f->weight.depends)
                        & (ELBO_ON_PLANNER | ELBO_HAS_STOP)
                    || f->then || f->target);
    f->kl_clash =
        f->tilted && f->slots.tilt.kl == other.kl && f->slots.tilt.kl != kl;
    return ELBO_OK;
}

/* inference/finite_kind.c -- what an experiment's objective is, in words. */
#include "inference/finite_facts.h"

/* Of transition: free. */
static const char *kind_of_free(const elbo_facts *f)
{
    if (f->slots.tilt.kind->estep)
        return "not a bound: damped best responses of policy and model, whose "
               "exponent and charge belong to two different ones";
    if (f->slots.tilt.ratio != ELBO_RATIO_EXACT)
        return "not a bound: the log ratio of environment and model is clipped "
               "or estimated";
    if (f->reward.bound && f->slots.tilt.beta >= 1)
        return "bound: F <= log J in the environment, for r > 0 and episodes "
               "that do not end (control.kl: next is the tighter one)";
    if (f->reward.moves)
        return "value: return in q less the KL from the environment, in a "
               "reward that moves with V, theta or factors";
    if (f->slots.alpha == 0)
        return "value: return in q less the KL from the environment; at "
               "temperature 0 it bounds no evidence";
    return "bound: F bounds the evidence of optimality in the environment, q "
           "free in the model's class";
}

static const char semi_gradient[] =
    "semi-gradient: a stop or fixed_pi covers a path to theta; no potential, "
    "never watched";

static const char *outer_kind(const elbo_facts *f)
{
    const elbo_route *const route = &f->slots.route;

    if (f->depends & ELBO_HAS_STOP) return semi_gradient;
    if (!elbo_route_exact(route))
        return "outer objective, approximate gradient: what goes through the "
               "planner is cut short or drawn; no potential, never watched";
    if (route->kind->plan)
        return "outer objective, truncated: the data term with a planner of so "
               "many backups, run again at each theta; F bounds no evidence";
    return "outer objective: the data term with the planner solved again at "
           "each theta; F bounds no evidence";
}

#define STANDS                                                                 \
    "; F bounds no evidence; what it reads of the planner stands still in "    \
    "each "                                                                    \
    "M-step"

static const char *surrogate_kind(const elbo_facts *f)
{
    static const char *const texts[] = {
        [ELBO_NO_THETA] = "surrogate: nothing in it depends on theta",
        [ELBO_PROPER] = "surrogate, proper: a weighted likelihood" STANDS,
        [ELBO_CALIBRATED] =
            "surrogate, calibrated: where the class can be right, the optimum "
            "has the right conditional means" STANDS,
        [ELBO_UNCALIBRATED] =
            "surrogate, uncalibrated: even where the class can be right, the "
            "optimum in a noisy world has wrong conditional means" STANDS,
        [ELBO_CALIBRATION_UNKNOWN] = "surrogate of unknown calibration: of no "
                                     "form whose optimum is known" STANDS,
    };

    return f->depends & ELBO_STOPS_THETA ? semi_gradient : texts[f->calibration];
}

#undef STANDS

const char *elbo_facts_kind(const elbo_facts *f)
{
    if (f->expression && !f->stops) return outer_kind(f);
    if (f->expression) return surrogate_kind(f);
    if (!f->weight.constant)
        return "weighted: the data term is a weighted likelihood, so F bounds "
               "no evidence; the weights stand still in each M-step";
    return NULL;
}

static const char *kind(const elbo_facts *f)
{
    const bool cut = f->kappa == 0, closed = f->kappa == 1;
    const char *const expressed = elbo_facts_kind(f);

    if (f->slots.tilt.kind->free) return kind_of_free(f);
    if (expressed) return expressed;
    if (f->kappa < 0
        && elbo_budget_read(elbo_text(f->setup->inference, "data_scale")) > 0)
        return "robust value: the worst model, for the present policy, whose "
               "data term is within its budget; no bound on an evidence";
    if (f->kappa < 0)
        return "adversarial: the model is fitted against the policy; no "
               "potential";
    if (!f->returned.plain)
        return f->returned.exact_ratio
                   ? "value: the model's returns weighed by p / q are the "
                     "environment's; they bound no evidence of the model"
                   : "not a bound: weighed returns of the model estimate the "
                     "environment's";
    if (f->reward.moves)
        return "value: control's reward moves with V, theta or factors from "
               "iteration to iteration; no one evidence is bounded";
    if (f->linear && cut)
        return "bound, cut: log((1 - gamma) J) in the model, linear rewards, "
               "plus the model's own bound; learning does not see rewards";
    if (f->linear)
        return "bound on log((1 - gamma) J), linear rewards, joint with the "
               "model's";
    if (f->robust)
        return "robust value: max over pi of min over q; no bound on an "
               "evidence";
    if (f->slots.alpha == 0)
        return "value: at temperature 0 the control part is a return, which "
               "bounds no evidence";
    if (cut)
        return "bound, cut: F bounds the model's evidence, never the real "
               "return; learning does not see optimality";
    if (closed)
        return "bound: F bounds the joint evidence of data and optimality in "
               "the model; optimistic about theta";
    return "bound, partly closed: learning sees a share of optimality; F "
           "itself "
           "need not rise";
}

static elbo_status read(const elbo_setup *setup, elbo_facts *f)
{
    elbo_arena *arena = elbo_arena_alloc(4096);

    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "an objective's kind");

    const elbo_status s = elbo_facts_read(setup, arena, f);

    elbo_arena_free(arena);
    return s;
}

const char *elbo_finite_kind(const elbo_setup *setup)
{
    elbo_facts f;
    const elbo_status s = read(setup, &f);

    return s == ELBO_OK ? kind(&f) : elbo_status_text(s);
}

const char *elbo_finite_named(const elbo_setup *setup)
{
    elbo_facts f;

    return read(setup, &f) == ELBO_OK && f.named ? f.named->name : NULL;
}

/* inference/gradient/search.c -- no derivative: theta is searched by values,
 * the planner solved again at each.
 */
#include "inference/ascent.h"
#include "inference/gradient/kinds.h"

static const elbo_option options[] = {
    {.name = "method",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "nelder_mead|differences|evolution|gp",
     .doc = "a simplex, BFGS on difference quotients, an evolution strategy, or "
            "Bayesian optimisation (at most 10 parameters)"},
    {.name = "evaluations",
     .type = ELBO_INT,
     .unit = "plans",
     .low = 1,
     .high = 1e6,
     .fallback = "100",
     .doc = "in one M-step, at most; gp remembers those of M-steps before"},
    {.name = "step",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1e6,
     .fallback = "0",
     .doc = "of the first simplex [0.5] or of a quotient [1e-4], evolution's first "
            "deviation [0.5]; 0: that"},
    {.name = "box",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-6,
     .high = 1e6,
     .fallback = "3",
     .doc = "gp looks where every |theta_j| is at most this"},
    {.name = "over",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "all|output",
     .fallback = "all",
     .doc = "the numbers that move: of networks, the output layers' alone"},
    {.name = "from",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 1e9,
     .fallback = "1",
     .doc = "in control tasks: the first iteration that searches; M-steps before it "
            "are the fit alone"},
    {.name = "episodes",
     .type = ELBO_INT,
     .unit = "",
     .low = 0,
     .high = 1e6,
     .fallback = "0",
     .doc = "in control tasks: a return; 0: as many as an evaluation has"},
    {0                 },
};

static elbo_status set(const elbo_values *values, elbo_route *out)
{
    out->search = elbo_ascender_find(elbo_text(values, "method"));
    out->n = (size_t)elbo_int(values, "evaluations");
    out->step = elbo_real(values, "step");
    out->box = elbo_real(values, "box");
    out->output = elbo_choice_is(values, "over", "output");
    out->from = (size_t)elbo_int(values, "from");
    out->episodes = (size_t)elbo_int(values, "episodes");
    return ELBO_OK;
}

/* Its values are the objective's own. */
static bool exact(const elbo_route *route)
{
    return route->search != NULL;
}

const elbo_gradient elbo_gradient_search = {
    .name = "search",
    .source =
        "Joseph et al. 2013; Bansal et al. 2017 (aDOBO), arXiv 1703.09260",
    .formula =
        "argmax over theta of the data term at planner(theta), by values",
    .doc = "zero-order: few parameters, any planner, also a hard one",
    .options = options,
    .set = set,
    .exact = exact,
};

/* inference/engine_options.c -- the options of env, control and inference that belong to no
 * component; those of data and evaluation: inference/engine_options_data.c. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inference/engine_state.h"
#include "inference/norm_bound.h"
#include "inference/task_schedule.h"
#include "inference/value_set.h"
#include "inference/wrapper.h"

static const double most = 1e9; /* of any count of steps or rounds */

static elbo_status reject(size_t *column, const char **nearest)
{
    if (column) *column = 0;
    if (nearest) *nearest = NULL;
    return ELBO_EINVAL;
}

/* "none" or the number of steps, a whole one from 1 to 1e9. */
static elbo_status check_horizon(const char *text, size_t *column,
                                 const char **nearest)
{
    char *end = NULL;

    if (strcmp(text, "none") == 0) return ELBO_OK;
    errno = 0;

    const double T = strtod(text, &end);

    if (end == text || *end || errno || !(T >= 1 && T <= most)
        || T != floor(T)) {
        ELBO_FAIL(ELBO_EINVAL,
                  "horizon must be none or a whole number in [1, 1e9], not %s",
                  text);
        return reject(column, nearest);
    }
    return ELBO_OK;
}

static const char budget[] = "budget(";

double elbo_budget_read(const char *data_scale)
{
    const size_t n = sizeof budget - 1;

    return strncmp(data_scale, budget, n) == 0 ? strtod(data_scale + n, NULL)
                                               : 0;
}

/* What may follow the number. */
static bool ends_scale(const char *end, bool constrained)
{
    if (constrained) return strcmp(end, ")") == 0;
    return !*end || strcmp(end, "|D|") == 0;
}

/* "|D|", a positive number of them ("0.15|D|"), lambda itself, or "budget(xi)".
 */
static elbo_status check_scale(const char *text, size_t *column,
                               const char **nearest)
{
    const bool constrained = strncmp(text, budget, sizeof budget - 1) == 0;
    const char *start = constrained ? text + sizeof budget - 1 : text;
    char *end = NULL;

    if (strcmp(text, "|D|") == 0) return ELBO_OK;
    errno = 0;

    const double x = strtod(start, &end);

    if (end == start || !ends_scale(end, constrained) || errno || !(x > 0)
        || !isfinite(x)) {
        ELBO_FAIL(ELBO_EINVAL,
                  "data_scale must be |D|, a positive number, one before |D|, or "
                  "budget(xi) with one, not %s",
                  text);
        return reject(column, nearest);
    }
    return ELBO_OK;
}

const elbo_option elbo_env_options[] = {
    {.name = "discount",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0.99",
     .doc = "gamma, the probability to survive a step; above 0"},
    {.name = "horizon",
     .type = ELBO_TEXT,
     .unit = "steps",
     .fallback = "none",
     .doc = "none, or the number of steps after which an episode is over",
     .check = check_horizon},
    {.name = "wrappers",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "none",
     .doc = "none, or changes of a control task on its way to the learner, the "
            "innermost first: \"distractors(white, 4) repeat(2)\"",
     .check = elbo_wrappers_check},
    {0},
};

const elbo_option elbo_control_options[] = {
    {.name = "temperature",
     .type = ELBO_REAL,
     .unit = "reward",
     .low = 0,
     .high = INFINITY,
     .fallback = "1",
     .doc = "alpha: 0 is hard control, inf follows the prior policy"},
    {.name = "prior",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "uniform|previous|optimal",
     .fallback = "uniform",
     .doc = "the prior policy pi0; previous: the policy of the last round; "
            "optimal: the world's best, to judge it at temperature inf"},
    {.name = "prior_epsilon",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-9,
     .high = 1,
     .fallback = "0.1",
     .doc = "share of uniformly random actions in prior: optimal"},
    {.name = "prior_variance",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-12,
     .high = INFINITY,
     .fallback = "inf",
     .doc = "in linear-Gaussian worlds: the prior policy is N(0, this), or with "
            "prior: optimal about the world's best; inf: flat, so that its KL is "
            "against Lebesgue measure"},
    {.name = "kl",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "step|next",
     .fallback = "step",
     .doc = "discount of the transition KL: gamma^t or gamma^(t+1)"},
    {.name = "plan_rounds",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 1e6,
     .fallback = "1",
     .doc = "of the control in one E-step, in continuous worlds"},
    {.name = "reward",
     .type = ELBO_TEXT,
     .unit = "reward",
     .fallback = "r",
     .doc = "what control maximises: an expression over (s, a), r its expected "
            "reward there; in control tasks what a step of the model's rollouts "
            "pays, as r - 2*aleatoric",
     .check = elbo_reward_check},
    {.name = "return_weight",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "1",
     .doc = "w of Q = r + gamma E_q[w V]: an expression over (s, a, next), as "
            "clip(exp(logratio), 0, 5)",
     .check = elbo_return_weight_check},
    {.name = "value",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "model|data|target",
     .fallback = "model",
     .doc = "V and Q as the likelihood reads them: the planner's; the policy's "
            "in the data's own process; a slow copy of the planner's"},
    {.name = "values",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "planner",
     .doc = "over what the likelihood's terms that read V or pi are summed: "
            "planner, policies(n, kind), functions(n) or indicators(n)",
     .check = elbo_value_set_check},
    {.name = "target_rate",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0.05",
     .doc = "share by which the target copies of V and Q move to the planner's "
            "after each E-step"},
    {.name = "tolerance",
     .type = ELBO_REAL,
     .unit = "reward",
     .low = 0,
     .high = 1e9,
     .fallback = "1e-10",
     .doc = "an E-step stops at this residual, in the maximum norm"},
    {.name = "sweeps",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 1e9,
     .fallback = "100000",
     .doc = "... or after so many sweeps"},
    {.name = "updates",
     .type = ELBO_REAL,
     .unit = "per step",
     .low = 0,
     .high = 1e6,
     .fallback = "1",
     .doc = "in control tasks: improvements of the policy for each step collected"},
    {.name = "rollout_length",
     .type = ELBO_TEXT,
     .unit = "steps",
     .fallback = "1",
     .doc = "of the model's rollouts from states of the data: a number (0: none), or "
            "\"1->15 over 20..150\", linear in the iteration between two",
     .check = elbo_rollout_check},
    {.name = "rollout_batch",
     .type = ELBO_INT,
     .unit = "rollouts",
     .low = 1,
     .high = 1e7,
     .fallback = "400",
     .doc = "of the model, started at each iteration"},
    {.name = "rollout_first",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "policy|data",
     .fallback = "policy",
     .doc = "a rollout's first step: the policy's action and the model's end, or the "
            "action and the end that the data have there"},
    {.name = "rollout_keep",
     .type = ELBO_INT,
     .unit = "iterations",
     .low = 1,
     .high = 1e6,
     .fallback = "1",
     .doc = "whose rollouts the policy learns from, the newest"},
    {.name = "successors",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 1e5,
     .fallback = "16",
     .doc = "in control tasks: successors of the model that transition: tilt or robust "
            "chooses among"},
    {.name = "real_ratio",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0.05",
     .doc = "share of a batch that is drawn from the data, the rest from rollouts; all "
            "of it where there are none"},
    {0                                            },
};

const elbo_option elbo_inference_options[] = {
    {.name = "optimality",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "exponential|linear",
     .fallback = "exponential",
     .doc = "likelihood of optimality: exp(r / alpha) a step, or r at the "
            "random stop"},
    {.name = "weight",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "1",
     .doc = "w(x), the weight of a transition in the data term: a number or "
            "an expression, read before each M-step",
     .check = elbo_weight_check},
    {.name = "likelihood",
     .type = ELBO_TEXT,
     .unit = "nats",
     .fallback = "logp",
     .doc = "l_theta(x), what the data ask of the model",
     .check = elbo_likelihood_check},
    {.name = "transition",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "model",
     .doc = "q(s'|s,a), the posterior's transitions: model, tilt(beta, kl) or "
            "robust(radius, ball); free(ratio, mode): the model is q, p the "
            "environment",
     .check = elbo_transition_check},
    {.name = "gradient",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "stop",
     .doc = "how the data term sees theta through the planner: stop, unroll(k), "
            "implicit(solver), score(n) or search(method)",
     .check = elbo_gradient_check},
    {.name = "feedback",
     .type = ELBO_REAL,
     .unit = "",
     .low = -1,
     .high = 1,
     .fallback = "0",
     .doc = "kappa, the share of F_control in the M-step: 0 cut, 1 closed, "
            "-1 adversarial; always 1 under transition: free"},
    {.name = "data_scale",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "|D|",
     .doc = "lambda, the weight of the data term's mean; |D| makes it a sum, "
            "0.5|D| half of it; budget(xi): the multiplier at which the mean "
            "falls xi short of its best",
     .check = check_scale},
    {.name = "iterations",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 1e9,
     .fallback = "100",
     .doc = "iterations of EM at most"},
    {.name = "tolerance",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1e9,
     .fallback = "1e-9",
     .doc = "converged when F changes by no more than this times 1 + |F| "
            "(offline)"},
    {.name = "checkpoint_every",
     .type = ELBO_INT,
     .unit = "iterations",
     .low = 0,
     .high = 1e9,
     .fallback = "0",
     .doc = "between checkpoints; 0: by time"},
    {.name = "m_step",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "bfgs|adam|spg|gd",
     .fallback = "bfgs",
     .doc = "the gradient method of an M-step; each starts afresh and leaves the "
            "best theta it saw"},
    {.name = "m_step_rate",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-12,
     .high = 1e6,
     .fallback = "0.01",
     .doc = "the length of adam's steps; of gd, the step over the gradient"},
    {.name = "m_step_keep",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "best|last",
     .fallback = "best",
     .doc = "theta after an M-step: the best that was tried, or the last of adam or gd"},
    {.name = "norm_bound",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "none",
     .doc = "none, or how far theta may be from 0: joint(radius, scale), "
            "leaves(...) or notebook(...); with m_step: adam or spg",
     .check = elbo_norm_bound_check},
    {.name = "m_step_iterations",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 1e9,
     .fallback = "200",
     .doc = "of the gradient method in one M-step, at most"},
    {.name = "m_step_tolerance",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "1e-8",
     .doc = "the gradient method stops at this relative gradient norm"},
    {.name = "m_step_every",
     .type = ELBO_INT,
     .unit = "iterations",
     .low = 1,
     .high = 1e9,
     .fallback = "1",
     .doc = "between M-steps of control tasks, the first one included"},
    {0                                },
};

/* inference/task_record.c -- a row: what the last evaluation found, and what it
 * flags.
 */
#include <math.h>
#include <stdio.h>

#include "inference/task_state.h"

/* Exploited: at two evaluations in a row return_model is above return_real by three
 * standard errors of the difference and by a tenth of |return_real|; and at the second the
 * difference is larger by three errors than at the first, or than at the evaluation before
 * it: a leap is flagged as well as a rise. Of single episodes no error is known: half of
 * |return_real| then.
 */
static const double errors = 3, share = 0.1, share_unknown = 0.5;

/* A critic diverges where its mean over states of the data is beyond what any
 * policy can earn from the rewards seen so far, by a tenth of their range and
 * more. */
static const double slack = 0.1;

enum { STATES = 256 }; /* that a critic is asked about */

static const char *const own_columns[] = {
    "elbo_se",     "real_share", "rollouts_ended", "rollout_steps", "fit_train",
    "fit_holdout", "fit_steps",  "exploited",      "diverging",     NULL,
};

static const char *const solve_columns[] = {"inner_unconverged", NULL};
static const char *const regime_columns[] = {"nll_expert", "nll_grid", NULL};

/* ---- flags ---- */

static void flag_model(elbo_task_score *score)
{
    const double last = score->gap;
    const double least_of_two =
        score->judged > 1 ? fmin(last, score->gap_before) : last;
    const double error = hypot(score->model.error, score->real.error);
    const double least = error > 0 ? share : share_unknown;
    const bool was_ahead = score->ahead;

    score->gap = score->model.value - score->real.value;
    score->ahead = score->gap > errors * error
                   && score->gap > least * fabs(score->real.value);
    score->exploited =
        score->ahead && was_ahead && score->gap > least_of_two + errors * error;
    score->gap_before = last;
    if (score->judged < 2) score->judged++;
}

/* The mean of the control's V over states of the data. */
static elbo_status mean_value(elbo_engine *e, double *out)
{
    const elbo_task_run *const run = e->task;
    const size_t no = run->world.no, n = STATES;
    elbo_rng rng = elbo_rng_stream(run->problem.seed, "values", e->iteration);
    uint32_t *const slot = elbo_arena_u32(e->ws, n);
    float *const o = elbo_arena_take(e->ws, n * no, sizeof *o);
    float *const V = elbo_arena_take(e->ws, n, sizeof *V);

    ELBO_TRY(elbo_arena_check(e->ws, "values"));
    elbo_replay_draw(&run->data, &rng, n, slot);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < no; k++)
            o[i * no + k] = run->data.o[slot[i] * no + k];
    ELBO_TRY(run->control->value(run->solver, n, o, V, NULL, e->ws));
    *out = 0;
    for (size_t i = 0; i < n; i++) *out += (double)V[i] / (double)n;
    return ELBO_OK;
}

/* What follows a step is worth at most this often its reward. */
static double steps_ahead(const elbo_task_run *run)
{
    const double gamma = run->problem.gamma, T = (double)run->T;

    return gamma < 1 ? 1 / (1 - gamma) : T;
}

static elbo_status flag_critic(elbo_engine *e, elbo_task_score *score)
{
    const elbo_task_run *const run = e->task;
    const elbo_task_collector *const c = &run->collector;
    const double ahead = steps_ahead(run);
    const double most = fmax(c->most, run->paid_most),
                 least = fmin(c->least, run->paid_least);
    const double room = slack * fmax(most - least, fabs(most) + fabs(least));
    const double kl = fmax(0, score->parts.policy_kl);
    const elbo_mark mark = elbo_arena_mark(e->ws);
    double V;

    score->diverging = false;
    if (!run->control->value || run->data.n == 0) return ELBO_OK;

    const elbo_status s = mean_value(e, &V);

    elbo_arena_release(e->ws, mark);
    ELBO_TRY(s);
    /* an end cuts the sum: 0 is among what can be earned */
    score->diverging = !(V <= ahead * (fmax(most, 0) + room)
                         && V >= ahead * (fmin(least, 0) - room) - 10 * kl);
    return ELBO_OK;
}

static void warn(const elbo_task_score *score, elbo_row *row)
{
    int n = 0;

    if (score->exploited)
        n = snprintf(row->warning, sizeof row->warning,
                     "the policy's return in the model, %.5g, leaves the real "
                     "one, %.5g, "
                     "behind",
                     score->model.value, score->real.value);
    if (score->diverging)
        snprintf(
            row->warning + n, sizeof row->warning - (size_t)n,
            "%sthe critic's values are beyond what can be earned: it diverges",
            n > 0 ? "; " : "");
}

/* ---- the data term ---- */

static elbo_status learnt(elbo_engine *e, elbo_parts *parts)
{
    const elbo_task_run *const run = e->task;
    const elbo_task_belief *const belief = &run->belief;
    const size_t n = run->data.n;
    uint32_t *const slot = elbo_arena_u32(e->ws, n);
    double *const l = elbo_arena_doubles(e->ws, n);
    double sum = 0;

    ELBO_TRY(elbo_arena_check(e->ws, "the data term"));
    parts->likelihood = 0;
    parts->prior =
        belief->model->log_prior ? belief->model->log_prior(belief) : 0;
    if (!belief->model->log_density || n == 0) return ELBO_OK;
    for (size_t i = 0; i < n; i++) slot[i] = (uint32_t)i;
    if (run->objective)
        ELBO_TRY(elbo_task_expressed(e, l));
    else
        ELBO_TRY(belief->model->log_density(belief, &run->data, slot, n, l, e->ws));
    for (size_t i = 0; i < n; i++)
        sum += (run->weight ? run->weight[i] : 1) * l[i];
    parts->likelihood = e->set.lambda_each ? e->set.lambda * sum
                                           : e->set.lambda * sum / (double)n;
    return ELBO_OK;
}

static double sample_size(const elbo_task_run *run)
{
    double sum = 0, squares = 0;

    if (!run->weight) return (double)run->data.n;
    for (size_t i = 0; i < run->data.n; i++) {
        sum += run->weight[i];
        squares += run->weight[i] * run->weight[i];
    }
    return squares > 0 ? sum * sum / squares : 0;
}

/* ---- the row ---- */

static elbo_status evaluate(elbo_engine *e, elbo_row *row)
{
    elbo_task_score *const score = &e->task->score;
    const elbo_mark mark = elbo_arena_mark(e->ws);

    ELBO_TRY(elbo_task_judge(e, score));

    elbo_status s = learnt(e, &score->parts);

    if (s == ELBO_OK) s = elbo_task_regimes(e, score);

    elbo_arena_release(e->ws, mark);
    ELBO_TRY(s);
    flag_model(score);
    ELBO_TRY(flag_critic(e, score));
    warn(score, row);
    return ELBO_OK;
}

static size_t own_values(const elbo_engine *e, double out[])
{
    const elbo_task_run *const run = e->task;
    const elbo_task_rolled *const rolled = &run->rolled;
    const double x[] = {
        run->score.control.error,
        run->rollouts.n == 0 ? 1 : run->real_ratio,
        (double)rolled->ended,
        rolled->started > 0 ? rolled->steps / (double)rolled->started : 0,
        run->fit.train,
        run->fit.holdout,
        (double)run->fit.steps,
        run->score.exploited,
        run->score.diverging,
    };
    size_t n = sizeof x / sizeof *x;

    for (size_t i = 0; i < n; i++) out[i] = x[i];
    if (elbo_task_gradient_through(&run->route)) out[n++] = run->unsolved;
    if (run->regimes) {
        out[n++] = run->score.nll_expert;
        out[n++] = run->score.nll_grid;
    }
    for (size_t i = 0; run->search && i < ELBO_TASK_SEARCH_COLUMNS; i++)
        out[n++] = run->search->found[i];
    if (run->belief.model->columns) {
        const char *const *name = run->belief.model->column_names;

        run->belief.model->columns(&run->belief, out + n);
        while (*name++) n++;
    }
    if (run->control->columns) {
        const char *const *name = run->control->column_names;

        run->control->columns(run->solver, out + n);
        while (*name++) n++;
    }
    return n;
}

void elbo_task_name_columns(elbo_engine *e)
{
    const char *const *const lists[] = {
        own_columns,
        elbo_task_gradient_through(&e->task->route) ? solve_columns : NULL,
        e->task->regimes ? regime_columns : NULL,
        e->task->search ? elbo_task_search_columns : NULL,
        e->task->belief.model->columns ? e->task->belief.model->column_names
                                       : NULL,
        e->task->control->columns ? e->task->control->column_names : NULL,
    };
    size_t n = elbo_engine_name_fixed(e);

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const char *const *name = lists[i]; name && *name; name++)
            e->columns[n++] = *name;
    elbo_engine_name_last(e, n);
}

elbo_status elbo_task_record(elbo_engine *e, elbo_row *row)
{
    elbo_task_score *const score = &e->task->score;
    const uint64_t done = e->iteration + 1;

    if (done == 1 || done % e->task->judge_every == 0
        || done == e->set.iterations)
        ELBO_TRY(evaluate(e, row));
    else if (e->task->episodes == 0)
        elbo_task_judge_collected(e->task, score);
    row->parts = score->parts;
    row->elbo = elbo_parts_total(&row->parts);
    row->return_model = score->model.value;
    row->return_real = score->real.value;
    row->value_gap = row->return_model - row->return_real;
    row->ess = sample_size(e->task);
    row->own.n = own_values(e, row->own.x);
    return elbo_row_check(row, ELBO_EXPONENTIAL, e->columns);
}

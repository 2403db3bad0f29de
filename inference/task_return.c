/* inference/task_return.c -- what a policy earns, in the world and in the
 * model. */
#include <math.h>
#include <string.h>

#include "inference/task_state.h"

/* Sums of each of n episodes: of rewards; discounted, of what control maximises, of
 * alpha log pi/pi0 and of what transitions under q are charged; and the discount of
 * the step to come, with the weights of return_weight. */
typedef struct sums {
    size_t n;
    double *earned, *reward, *kl, *moves, *discount;
} sums;

/* Where episodes are. */
typedef enum place { IN_WORLD, IN_MODEL, UNDER_Q } place;

/* One step of all, and what control maximises of it. */
static elbo_status step(elbo_engine *e, elbo_task_fleet *f, place where,
                        elbo_task_manner manner, size_t t)
{
    elbo_task_run *const run = e->task;
    const uint64_t round =
        e->iteration << 26 | (uint64_t)where << 24 | (uint64_t)t;

    ELBO_TRY(elbo_task_fleet_act(f, run, manner, e->ws));
    if (where == IN_WORLD) {
        elbo_task_fleet_step(f, run);
        memcpy(f->gain, f->reward, f->n * sizeof *f->gain);
        for (size_t i = 0; i < f->n; i++) f->stay[i] = 1;
        return ELBO_OK;
    }
    ELBO_TRY(elbo_task_fleet_imagine(f, run, where == UNDER_Q, e->ws));
    return elbo_task_pay(e, f, round);
}

static elbo_status take_sums(size_t n, elbo_arena *ws, sums *out)
{
    *out = (sums){.n = n,
                  .earned = elbo_arena_take(ws, n, sizeof *out->earned),
                  .reward = elbo_arena_take(ws, n, sizeof *out->reward),
                  .kl = elbo_arena_take(ws, n, sizeof *out->kl),
                  .moves = elbo_arena_take(ws, n, sizeof *out->moves),
                  .discount = elbo_arena_doubles(ws, n)};
    ELBO_TRY(elbo_arena_check(ws, "an evaluation"));
    for (size_t i = 0; i < n; i++) out->discount[i] = 1;
    return ELBO_OK;
}

static elbo_task_mean mean_of(const double x[], size_t n)
{
    double sum = 0, squares = 0;

    for (size_t i = 0; i < n; i++) sum += x[i];
    for (size_t i = 0; i < n; i++)
        squares += (x[i] - sum / (double)n) * (x[i] - sum / (double)n);
    return (elbo_task_mean){sum / (double)n,
                            n > 1 ? sqrt(squares / (double)(n - 1) / (double)n)
                                  : 0};
}

/* ---- episodes ---- */

/* Of episode who[i] at step t. */
static elbo_status check_finite(const elbo_task_fleet *f, size_t no, size_t i, size_t t,
                                const char *purpose, double earned)
{
    const size_t k = f->who[i];

    for (size_t j = i * no; j < (i + 1) * no; j++)
        if (!isfinite(f->after[j]))
            return ELBO_FAIL(ELBO_ENOTFINITE,
                             "%s: observation %zu of episode %zu, step %zu, is %g after "
                             "%g",
                             purpose, j % no, k, t, (double)f->after[j],
                             (double)f->o[j]);
    if (!isfinite(f->reward[i]))
        return ELBO_FAIL(ELBO_ENOTFINITE,
                         "%s: the reward of episode %zu, step %zu, is %g after a sum of "
                         "%g",
                         purpose, k, t, f->reward[i], earned);
    return ELBO_OK;
}

/* n of them from the world's start, in the manner asked for. */
static elbo_status play(elbo_engine *e, const char *purpose, place where,
                        elbo_task_manner manner, sums *out)
{
    elbo_task_run *const run = e->task;
    const double alpha = run->explores
                             ? run->control->temperature
                                   ? run->control->temperature(run->solver)
                                   : run->problem.temperature
                             : 0;
    const double charge = elbo_task_transition_charge(&run->transition);
    elbo_task_fleet f;

    elbo_task_fleet_take(&f, run, out->n, e->ws);
    ELBO_TRY(elbo_arena_check(e->ws, "an evaluation"));
    for (size_t i = 0; i < f.n; i++) {
        const uint64_t index = 2 * (e->iteration * f.n + i);

        f.noise[i] = elbo_rng_stream(run->problem.seed, purpose, index);
        f.draws[i] = elbo_rng_stream(run->problem.seed, purpose, index + 1);
    }
    elbo_task_fleet_reset(&f, run);
    for (size_t t = 0; t < run->T && f.n > 0; t++) {
        ELBO_TRY(step(e, &f, where, manner, t));
        for (size_t i = 0; i < f.n; i++) {
            const size_t k = f.who[i];
            const double discount = out->discount[k];

            ELBO_TRY(check_finite(&f, run->world.no, i, t, purpose, out->earned[k]));
            out->earned[k] += f.reward[i];
            out->reward[k] += discount * f.gain[i];
            if (alpha > 0) out->kl[k] += discount * alpha * f.logpi[i];
            if (where == UNDER_Q) out->moves[k] += discount * charge * f.kl[i];
            out->discount[k] *= run->problem.gamma * f.stay[i];
        }
        elbo_task_fleet_advance(&f, run, f.end);
    }
    return ELBO_OK;
}

/* ---- evaluations ---- */

void elbo_task_judge_collected(elbo_task_run *run, elbo_task_score *score)
{
    elbo_task_collector *const c = &run->collector;
    const double n = c->finished;

    if (n > 0) {
        const double spread = fmax(0, c->squares - c->sum * c->sum / n);

        score->real.value = c->sum / n;
        score->real.error = n > 1 ? sqrt(spread / (n - 1) / n) : 0;
        c->finished = c->sum = c->squares = 0;
    } else if (c->episodes <= run->streams) {
        score->real = mean_of(c->earned, run->streams);
    }
}

elbo_status elbo_task_earn(elbo_engine *e, const char *purpose, size_t n, double *out)
{
    const elbo_mark mark = elbo_arena_mark(e->ws);
    sums real;
    elbo_status s = take_sums(n, e->ws, &real);

    if (s == ELBO_OK) s = play(e, purpose, IN_WORLD, ELBO_TASK_JUDGED, &real);
    if (s == ELBO_OK) *out = mean_of(real.earned, n).value;
    elbo_arena_release(e->ws, mark);
    return s;
}

static elbo_status judge_real(elbo_engine *e, elbo_task_score *score)
{
    sums real;

    if (e->task->episodes == 0) {
        elbo_task_judge_collected(e->task, score);
        return ELBO_OK;
    }
    ELBO_TRY(take_sums(e->task->episodes, e->ws, &real));
    ELBO_TRY(play(e, "evaluation", IN_WORLD, ELBO_TASK_JUDGED, &real));
    score->real = mean_of(real.earned, real.n);
    return ELBO_OK;
}

/* The same policy in the model; F_control of pi as it explores where that is
 * what the bound is of. */
static elbo_status judge_model(elbo_engine *e, elbo_task_score *score)
{
    const elbo_task_run *const run = e->task;
    const elbo_task_manner manner =
        run->explores ? ELBO_TASK_EXPLORE : ELBO_TASK_JUDGED;
    sums model, soft;

    ELBO_TRY(take_sums(run->imagined, e->ws, &model));
    ELBO_TRY(take_sums(run->imagined, e->ws, &soft));
    ELBO_TRY(play(e, "model's evaluation", IN_MODEL, ELBO_TASK_JUDGED, &model));
    score->model = mean_of(model.earned, model.n);
    if (run->explores || !elbo_task_transition_plain(&run->transition))
        ELBO_TRY(play(e, "bound", UNDER_Q, manner, &soft));
    else
        soft = model;
    score->parts.reward = mean_of(soft.reward, soft.n).value;
    score->parts.policy_kl = mean_of(soft.kl, soft.n).value;
    score->parts.transition_kl = mean_of(soft.moves, soft.n).value;
    for (size_t i = 0; i < soft.n; i++)
        soft.reward[i] -= soft.kl[i] + soft.moves[i];
    score->control = mean_of(soft.reward, soft.n);
    return ELBO_OK;
}

elbo_status elbo_task_judge(elbo_engine *e, elbo_task_score *score)
{
    const elbo_mark mark = elbo_arena_mark(e->ws);
    elbo_status s = judge_real(e, score);

    if (s == ELBO_OK) s = judge_model(e, score);
    elbo_arena_release(e->ws, mark);
    return s;
}

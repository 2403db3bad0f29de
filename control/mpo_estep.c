/* control/mpo_estep.c -- one E-step of MPO: updates of critic, weights and
 * policy. */
#include <math.h>
#include <string.h>

#include "control/learner.h"
#include "control/mpo_state.h"

/* Actions that Q is asked for at each state: samples, or all choices. */
static size_t actions_of(const elbo_mpo *mpo)
{
    return mpo->problem.world->choices ? mpo->problem.world->nu
                                       : mpo->settings.samples;
}

elbo_status elbo_mpo_rows_init(elbo_mpo *mpo, elbo_arena *arena)
{
    const elbo_task_world *const w = mpo->problem.world;
    const size_t B = mpo->settings.batch, nu = w->nu, all = B * actions_of(mpo);
    const size_t drawn = w->choices ? 0 : all;
    elbo_mpo_rows *const r = &mpo->rows;

    ELBO_TRY(elbo_minibatch_init(&r->batch, w, B, arena));
    r->x = elbo_arena_take(arena, B * mpo->critic.inputs, sizeof(float));
    r->states = elbo_arena_take(arena, B * w->no, sizeof(float));
    r->mean = elbo_arena_take(arena, B * nu, sizeof(float));
    r->std = elbo_arena_take(arena, B * nu, sizeof(float));
    r->a = elbo_arena_take(arena, drawn * nu, sizeof(float));
    r->clipped = elbo_arena_take(arena, drawn * nu, sizeof(float));
    r->o = elbo_arena_take(arena, drawn * w->no, sizeof(float));
    r->pairs =
        elbo_arena_take(arena, drawn * mpo->critic.inputs, sizeof(float));
    r->Qf = elbo_arena_take(arena, all, sizeof(float));
    r->Q = elbo_arena_doubles(arena, all);
    r->q = elbo_arena_doubles(arena, all);
    r->p = elbo_arena_doubles(arena, all);
    r->outside = elbo_arena_doubles(arena, drawn);
    r->q2 = elbo_arena_doubles(arena, drawn);
    r->mass = elbo_arena_doubles(arena, B);
    r->y = elbo_arena_take(arena, B, sizeof(float));
    r->first = elbo_arena_doubles(arena, B * nu);
    r->second = elbo_arena_doubles(arena, B * nu);
    r->z = elbo_arena_doubles(arena, drawn * nu);
    return elbo_arena_check(arena, "control mpo");
}

/* The E-step's states: what follows each transition, or where it began if
 * nothing follows, so that every state of the data may have its turn. */
static void choose_states(elbo_mpo *mpo)
{
    elbo_mpo_rows *const r = &mpo->rows;
    const size_t no = r->batch.no;

    for (size_t i = 0; i < r->batch.rows; i++)
        memcpy(r->states + i * no,
               (r->batch.going[i] > 0 ? r->batch.next : r->batch.o) + i * no,
               no * sizeof(float));
}

/* a_ij ~ pi_old(. | state_i), and how far each lies outside of the box. */
static void sample(elbo_mpo *mpo, elbo_rng *rng)
{
    elbo_mpo_rows *const r = &mpo->rows;
    const size_t B = r->batch.rows, N = mpo->settings.samples, nu = r->batch.nu;

    elbo_rng_normals(rng, r->z, B * N * nu);
    for (size_t i = 0; i < B; i++)
        for (size_t j = 0; j < N; j++) {
            const size_t row = i * N + j;
            double square = 0;

            for (size_t d = 0; d < nu; d++) {
                const size_t k = row * nu + d;
                const float a =
                    r->mean[i * nu + d] + r->std[i * nu + d] * (float)r->z[k];
                const float c = fminf(fmaxf(a, -1), 1);

                r->a[k] = a;
                r->clipped[k] = c;
                square += (double)(a - c) * (double)(a - c);
            }
            r->outside[row] = -sqrt(square);
        }
}

/* pi_old of all choices; floats' logarithms sum to 1 but for their rounding. */
static void old_chances(elbo_mpo *mpo)
{
    elbo_mpo_rows *const r = &mpo->rows;
    const size_t n = r->batch.nu;

    for (size_t i = 0; i < r->batch.rows; i++) {
        double *const p = r->p + i * n;
        double sum = 0;

        for (size_t a = 0; a < n; a++)
            sum += p[a] = exp((double)r->mean[i * n + a]);
        for (size_t a = 0; a < n; a++) p[a] /= sum;
    }
}

/* Q of the target critic at the states, [B x actions], and what pi_old expects
 * of it where it follows. */
static elbo_status look_ahead(elbo_mpo *mpo, elbo_rng *rng, elbo_arena *ws)
{
    elbo_mpo_rows *const r = &mpo->rows;
    const size_t B = r->batch.rows, N = actions_of(mpo), no = r->batch.no;

    ELBO_TRY(elbo_task_policy_forward(&mpo->policy, mpo->old, B, r->states,
                                      r->mean, r->std, ws));
    if (mpo->problem.world->choices) {
        old_chances(mpo);
        ELBO_TRY(
            elbo_critic_forward(&mpo->critic, true, B, r->states, r->Qf, ws));
    } else {
        sample(mpo, rng);
        for (size_t row = 0; row < B * N; row++)
            memcpy(r->o + row * no, r->states + row / N * no,
                   no * sizeof(float));
        elbo_critic_rows(&mpo->critic, B * N, r->o, r->clipped, r->pairs);
        ELBO_TRY(elbo_critic_forward(&mpo->critic, true, B * N, r->pairs, r->Qf,
                                     ws));
        for (size_t k = 0; k < B * N; k++) r->p[k] = 1 / (double)N;
    }
    for (size_t i = 0; i < B; i++) {
        double V = 0;

        for (size_t j = 0; j < N; j++) {
            r->Q[i * N + j] = (double)r->Qf[i * N + j];
            V += r->p[i * N + j] * r->Q[i * N + j];
        }
        r->y[i] = r->batch.reward[i]
                  + r->batch.going[i] * (float)(mpo->problem.gamma * V);
        r->mass[i] = (double)r->batch.weight[i];
    }
    return ELBO_OK;
}

/* q and eta: what the samples' Q says within epsilon of pi_old. */
static elbo_status weigh(elbo_mpo *mpo, elbo_reweight_info *info)
{
    elbo_mpo_rows *const r = &mpo->rows;
    elbo_reweight problem = {
        .rows = r->batch.rows,
        .cols = actions_of(mpo),
        .X = r->Q,
        .p = mpo->problem.world->choices ? r->p : NULL,
        .mass = r->mass,
        .epsilon = mpo->settings.epsilon,
        .low = 1e-8,
        .high = 1e8,
    };

    if (mpo->settings.exact) {
        ELBO_TRY(elbo_reweight_solve(&problem, mpo->eta, r->q, info));
    } else {
        ELBO_TRY(elbo_reweight_at(&problem, mpo->temperature.a[0], r->q, info));
        elbo_multiplier_step(&mpo->temperature, &info->kl);
    }
    if (!info->bound) mpo->eta = info->eta;
    if (!(mpo->settings.penalty > 0)) return ELBO_OK;

    elbo_reweight_info other;

    problem.X = r->outside;
    problem.epsilon = mpo->settings.penalty;
    ELBO_TRY(elbo_reweight_solve(&problem, mpo->eta_penalty, r->q2, &other));
    if (!other.bound) mpo->eta_penalty = other.eta;
    for (size_t k = 0; k < problem.rows * problem.cols; k++)
        r->q[k] = (r->q[k] + r->q2[k]) / 2;
    return ELBO_OK;
}

/* The weighted samples' sums of the loss, and the rows' shares in it. Returns
 * whether any row counts. */
static bool gather(elbo_mpo *mpo)
{
    elbo_mpo_rows *const r = &mpo->rows;
    const size_t B = r->batch.rows, N = mpo->settings.samples, nu = r->batch.nu;
    double total = 0;

    for (size_t i = 0; i < B; i++) total += r->mass[i];
    for (size_t i = 0; i < B && total > 0; i++) r->mass[i] /= total;
    if (mpo->problem.world->choices) {
        memcpy(r->first, r->q, B * nu * sizeof *r->q);
        return total > 0;
    }
    for (size_t i = 0; i < B; i++)
        for (size_t d = 0; d < nu; d++) {
            double first = 0, second = 0;

            for (size_t j = 0; j < N; j++) {
                const double q = r->q[i * N + j];
                const double a = (double)r->a[(i * N + j) * nu + d];
                const double gap = a - (double)r->mean[i * nu + d];

                first += q * a;
                second += q * gap * gap;
            }
            r->first[i * nu + d] = first;
            r->second[i * nu + d] = second;
        }
    return total > 0;
}

static double mean_of(size_t n, const double x[])
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) sum += x[i];
    return sum / (double)n;
}

static void set_loss(elbo_mpo *mpo)
{
    const elbo_mpo_rows *const r = &mpo->rows;
    const elbo_mpo_nodes *const n = &mpo->nodes;
    elbo_tape *const t = mpo->tape;

    elbo_mlp_point(&mpo->policy.mlp, &mpo->leaves, t, mpo->theta);
    elbo_tape_set_f32(t, n->o, r->states);
    elbo_tape_set(t, n->first, r->first);
    elbo_tape_set_f32(t, n->mean_old, r->mean);
    elbo_tape_set(t, n->weight, r->mass);
    elbo_tape_set(t, n->a_mean, mpo->mean.a);
    if (mpo->problem.world->choices) return;
    elbo_tape_set(t, n->second, r->second);
    elbo_tape_set_f32(t, n->std_old, r->std);
    elbo_tape_set(t, n->a_std, mpo->std.a);
}

/* One step of theta and of the multipliers of its trust regions. */
static elbo_status fit(elbo_mpo *mpo, elbo_mpo_sums *sums)
{
    elbo_tape *const t = mpo->tape;
    double loss, *const kl = mpo->rows.z; /* room of both, done with */

    set_loss(mpo);
    elbo_tape_forward(t);
    elbo_tape_get(t, mpo->nodes.loss, &loss);
    if (!isfinite(loss))
        return ELBO_FAIL(
            ELBO_ENOTFINITE, "the policy, layer %zu: its loss is %g",
            elbo_mlp_not_finite(&mpo->policy.mlp, mpo->theta), loss);
    elbo_tape_backward(t, mpo->nodes.loss);
    elbo_mlp_gradient(&mpo->policy.mlp, &mpo->leaves, t, mpo->gradient);

    const double norm =
        elbo_adam_step(&mpo->adam, mpo->theta, mpo->gradient, NULL);

    if (!isfinite(norm))
        return ELBO_FAIL(
            ELBO_ENOTFINITE,
            "the policy, layer %zu: its gradient's norm is %g at loss %g",
            elbo_mlp_not_finite(&mpo->policy.mlp, mpo->gradient), norm, loss);
    elbo_tape_get(t, mpo->nodes.kl_mean, kl);
    elbo_multiplier_step(&mpo->mean, kl);
    sums->kl_mean += mean_of(mpo->mean.n, kl);
    if (mpo->problem.world->choices) return ELBO_OK;
    elbo_tape_get(t, mpo->nodes.kl_std, kl);
    elbo_multiplier_step(&mpo->std, kl);
    sums->kl_std += mean_of(mpo->std.n, kl);
    return ELBO_OK;
}

static elbo_status update(elbo_mpo *mpo, const elbo_task_estep *estep,
                          elbo_mpo_sums *sums, elbo_arena *ws)
{
    elbo_rng rng = elbo_rng_stream(mpo->problem.seed, "control", mpo->updates);
    elbo_mpo_rows *const r = &mpo->rows;
    elbo_reweight_info info;
    double loss;

    if (mpo->updates % mpo->settings.period == 0) {
        memcpy(mpo->old, mpo->theta, mpo->size * sizeof *mpo->old);
        elbo_critic_track(&mpo->critic, 1);
    }
    ELBO_TRY(elbo_minibatch_draw(&r->batch, estep, &rng));
    choose_states(mpo);
    ELBO_TRY(look_ahead(mpo, &rng, ws));
    elbo_critic_rows(&mpo->critic, r->batch.rows, r->batch.o, r->batch.u, r->x);
    ELBO_TRY(elbo_critic_step(&mpo->critic, r->x, r->batch.u, r->y,
                              r->batch.weight, &loss));
    mpo->last_finite = loss;
    ELBO_TRY(weigh(mpo, &info));
    if (gather(mpo)) ELBO_TRY(fit(mpo, sums));
    sums->eta += info.eta;
    sums->kl += info.kl;
    sums->ess += info.ess;
    sums->critic += loss;
    mpo->updates++;
    return ELBO_OK;
}

elbo_status elbo_mpo_improve(void *self, const elbo_task_estep *estep,
                             elbo_arena *ws)
{
    elbo_mpo *const mpo = self;
    elbo_mpo_sums sums = {0};
    const double n = (double)estep->updates;

    if (estep->updates == 0) return ELBO_OK;
    for (size_t k = 0; k < estep->updates; k++) {
        const elbo_status s = update(mpo, estep, &sums, ws);
        char before[ELBO_LOSS_TEXT];

        if (s != ELBO_OK)
            return elbo_fail_prefix("mpo, update %llu (the critic: %s)",
                                    (unsigned long long)mpo->updates,
                                    elbo_loss_before(mpo->last_finite, before));
    }
    mpo->columns =
        (elbo_mpo_sums){sums.eta / n,    sums.kl / n,  sums.kl_mean / n,
                        sums.kl_std / n, sums.ess / n, sums.critic / n};
    return ELBO_OK;
}

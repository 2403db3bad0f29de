/* control/td3.c -- twin delayed deterministic policy gradients: hard control by
 * a deterministic policy (control/actor_critic.h). With one critic, no
 * smoothing and no delay it is DDPG.
 *
 * Reference: Fujimoto, van Hoof, Meger, ICML 2018; Lillicrap et al., ICLR 2016.
 */
#include <math.h>

#include "control/actor_critic.h"
#include "control/network_options.h"
#include "control/registry.h"

static const elbo_option options[] = {
    ELBO_CRITIC_OPTIONS,
    {.name = "delay",
     .type = ELBO_INT,
     .unit = "updates",
     .low = 1,
     .high = 1e9,
     .fallback = "2",
     .doc = "of the critics for one of the policy and of the slow networks"},
    {.name = "smoothing",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1e6,
     .fallback = "0.2",
     .doc = "deviation of the noise on the target's action; 0: none"},
    {.name = "smoothing_clip",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = INFINITY,
     .fallback = "0.5",
     .doc = "where that noise is cut"},
    {.name = "exploration",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1e6,
     .fallback = "0.1",
     .doc = "deviation of the noise on actions while data are collected"},
    ELBO_NETWORK_OPTIONS,
    {0                                           },
};

static elbo_status open_td3(const elbo_values *values,
                            const elbo_task_problem *problem, elbo_arena *arena,
                            void **self)
{
    elbo_actor_critic *const s = elbo_arena_take(arena, 1, sizeof *s);
    const size_t delay = (size_t)elbo_int(values, "delay");

    ELBO_TRY(elbo_arena_check(arena, "td3"));
    *s = (elbo_actor_critic){
        .name = "td3",
        .tau = elbo_real(values, "tau"),
        .interval = delay,
        .delay = delay,
        .smoothing = elbo_real(values, "smoothing"),
        .smoothing_clip = elbo_real(values, "smoothing_clip"),
        .exploration = elbo_real(values, "exploration"),
        .value_samples = 1,
    };
    ELBO_TRY(elbo_actor_critic_open(s, values, problem, true, arena));
    *self = s;
    return ELBO_OK;
}

static const char *const column_names[] = {"critic_loss", "q_mean", "q_largest",
                                           "q_bound", NULL};

static void columns(const void *self, double out[])
{
    const elbo_actor_critic *const s = self;
    const double n = fmax(s->tally.updates, 1);

    out[0] = s->tally.critic_loss / n;
    out[1] = s->tally.q / n;
    out[2] = s->tally.largest_q;
    out[3] = elbo_actor_critic_bound(s);
}

static const elbo_task_control task = {
    .kind =
        "value: the return of a deterministic policy, which bounds no evidence",
    .box = true,
    .weighs = true,
    .open = open_td3,
    ELBO_ACTOR_CRITIC_TASK,
    .equation = &elbo_actor_critic_equation,
};

const elbo_control elbo_control_td3 = {
    .name = "td3",
    .source =
        "Fujimoto, van Hoof, Meger, ICML 2018; Lillicrap et al., ICLR 2016",
    .doc = "deterministic policy and twin critics, hard control of boxes in "
           "control "
           "tasks; with critics 1, smoothing 0, delay 1 it is DDPG",
    .options = options,
    .optimality = ELBO_EXPONENTIAL,
    .hard = true,
    .task = &task,
};

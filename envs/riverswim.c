/* envs/riverswim.c -- a swim against the current.
 *
 * Actions: 0 left, with the current and sure; 1 right, against it:
 *   first state   right with `first_forward`, else stay
 *   middle ones   right with `forward`, stay with `stay`, else left
 *   last state    stay with `last_stay`, else left
 * Left in the first state pays `left_reward`, right in the last one
 * `right_reward`, wherever the step ends.
 */
#include "envs/layout.h"
#include "envs/registry.h"

enum { LEFT, RIGHT, N_ACTIONS };

static const elbo_option options[] = {
    {.name = "states",
     .type = ELBO_INT,
     .unit = "",
     .low = 2,
     .high = 1e6,
     .fallback = "6",
     .doc = "length of the river"},
    {.name = "forward",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0.35",
     .doc = "probability that right in the middle moves right"},
    {.name = "stay",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0.6",
     .doc = "probability that right in the middle stays; the rest moves left"},
    {.name = "first_forward",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0.6",
     .doc =
         "probability that right in the first state moves right, else stays"},
    {.name = "last_stay",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0.6",
     .doc = "probability that right in the last state stays, else moves left"},
    {.name = "left_reward",
     .type = ELBO_REAL,
     .unit = "",
     .low = -1e12,
     .high = 1e12,
     .fallback = "0.005",
     .doc = "reward of left in the first state (5 in the other definition)"},
    {.name = "right_reward",
     .type = ELBO_REAL,
     .unit = "",
     .low = -1e12,
     .high = 1e12,
     .fallback = "1",
     .doc =
         "reward of right in the last state (10000 in the other definition)"},
    {.name = "start",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "first|uniform",
     .fallback = "first",
     .doc = "start in state 0, or anywhere"},
    {0                                           },
};

/* 0.7 + 0.3 may miss 1 by as much. */
static const double rounding = 1e-12;

typedef struct river {
    size_t nS;
    double forward, stay, first_forward, last_stay, left_reward, right_reward;
} river;

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_world *out)
{
    const size_t nS = (size_t)elbo_int(values, "states");
    river *const w = elbo_arena_take(arena, 1, sizeof *w);

    (void)folder;
    ELBO_TRY(elbo_arena_check(arena, "riverswim"));
    *w = (river){.nS = nS,
                 .forward = elbo_real(values, "forward"),
                 .stay = elbo_real(values, "stay"),
                 .first_forward = elbo_real(values, "first_forward"),
                 .last_stay = elbo_real(values, "last_stay"),
                 .left_reward = elbo_real(values, "left_reward"),
                 .right_reward = elbo_real(values, "right_reward")};
    if (w->forward + w->stay > 1 + rounding)
        return ELBO_FAIL(ELBO_EINVAL, "forward %g and stay %g exceed 1",
                         w->forward, w->stay);
    *out = (elbo_world){
        .env = &elbo_riverswim,
        .self = w,
        .nS = nS,
        .nA = N_ACTIONS,
        .most = 3,
        .mu = elbo_choice_is(values, "start", "first")
                  ? elbo_start_at(nS, 0, arena)
                  : elbo_start_uniform(nS, NULL, arena),
        .coord = elbo_grid_coord(1, nS, arena),
        .dim = 2,
    };
    return elbo_arena_check(arena, "riverswim");
}

static size_t outcomes(const void *world, size_t s, size_t a,
                       elbo_outcome out[])
{
    const river *const w = world;
    const uint32_t here = (uint32_t)s;
    const bool first = s == 0, last = s + 1 == w->nS;

    if (a == LEFT) {
        out[0] = (elbo_outcome){.next = first ? 0 : here - 1,
                                .prob = 1,
                                .reward = first ? w->left_reward : 0};
        return 1;
    }

    const double right = first ? w->first_forward : last ? 0 : w->forward;
    const double stay = first ? 1 - right : last ? w->last_stay : w->stay;
    const double rest = 1 - stay - right;
    const double left = rest > rounding ? rest : 0;
    const double reward = last ? w->right_reward : 0;
    size_t n = 0;

    if (!first)
        n = elbo_outcome_add(
            out, n,
            (elbo_outcome){.next = here - 1, .prob = left, .reward = reward});
    n = elbo_outcome_add(
        out, n, (elbo_outcome){.next = here, .prob = stay, .reward = reward});
    return elbo_outcome_add(out, n,
                            (elbo_outcome){.next = here + 1, .prob = right});
}

const elbo_env elbo_riverswim = {
    .name = "riverswim",
    .source = "Osband, Russo, Van Roy, (More) efficient reinforcement learning "
              "via posterior sampling, NeurIPS 2013; Strehl, Littman, JCSS "
              "2008",
    .doc = "swim against the current: a large reward far upstream",
    .options = options,
    .open = open_world,
    .outcomes = outcomes,
};

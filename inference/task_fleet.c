/* inference/task_fleet.c -- episodes side by side. */
#include <math.h>
#include <string.h>

#include "inference/task_state.h"

void elbo_task_fleet_take(elbo_task_fleet *fleet, const elbo_task_run *run,
                          size_t n, elbo_arena *arena)
{
    const elbo_task_world *const w = &run->world;

    *fleet = (elbo_task_fleet){
        .n = n,
        .x = elbo_arena_doubles(arena, w->nx * n),
        .next = elbo_arena_doubles(arena, w->nx * n),
        .a = elbo_arena_doubles(arena, w->na * n),
        .reward = elbo_arena_doubles(arena, n),
        .kl = elbo_arena_doubles(arena, n),
        .gain = elbo_arena_doubles(arena, n),
        .stay = elbo_arena_doubles(arena, n),
        .end = elbo_arena_take(arena, n, sizeof *fleet->end),
        .first = elbo_arena_take(arena, n, sizeof *fleet->first),
        .o = elbo_arena_take(arena, n * w->no, sizeof *fleet->o),
        .after = elbo_arena_take(arena, n * w->no, sizeof *fleet->o),
        .u = elbo_arena_take(arena, n * w->nu, sizeof *fleet->u),
        .paid = elbo_arena_take(arena, n, sizeof *fleet->paid),
        .memory =
            elbo_arena_take(arena, n * run->memory, sizeof *fleet->memory),
        .logpi = elbo_arena_doubles(arena, n),
        .who = elbo_arena_u32(arena, n),
        .member = elbo_arena_u32(arena, n),
        .noise = elbo_arena_take(arena, n, sizeof *fleet->noise),
        .draws = elbo_arena_take(arena, n, sizeof *fleet->draws),
    };
    if (!elbo_arena_ok(arena)) return;
    for (size_t i = 0; i < n; i++) {
        fleet->who[i] = (uint32_t)i;
        fleet->first[i] = 1;
    }
}

void elbo_task_fleet_reset(elbo_task_fleet *fleet, const elbo_task_run *run)
{
    const elbo_task_world *const w = &run->world;

    w->task->reset(w->self, fleet->n, fleet->noise, fleet->x);
    w->task->observe(w->self, fleet->n, fleet->x, fleet->noise, fleet->o);
    memset(fleet->memory, 0, fleet->n * run->memory * sizeof *fleet->memory);
    memset(fleet->first, 1, fleet->n);
}

void elbo_task_fleet_restart(elbo_task_fleet *fleet, const elbo_task_run *run,
                             size_t i)
{
    const elbo_task_world *const w = &run->world;
    double *const x = fleet->next; /* scratch: [nx] */

    w->task->reset(w->self, 1, &fleet->noise[i], x);
    w->task->observe(w->self, 1, x, &fleet->noise[i], fleet->o + i * w->no);
    for (size_t k = 0; k < w->nx; k++) fleet->x[k * fleet->n + i] = x[k];
    memset(fleet->memory + i * run->memory, 0,
           run->memory * sizeof *fleet->memory);
    fleet->first[i] = 1;
}

/* Rows as the world understands them: within the box, or one-hot. */
static void settle(const elbo_task_world *w, size_t n, float u[])
{
    for (size_t i = 0; i < n; i++) {
        float *const row = u + i * w->nu;
        size_t best = 0;

        for (size_t k = 0; k < w->nu; k++) {
            if (w->choices == 0) row[k] = fminf(fmaxf(row[k], -1), 1);
            if (row[k] > row[best]) best = k;
        }
        if (w->choices == 0) continue;
        memset(row, 0, w->nu * sizeof *row);
        row[best] = 1;
    }
}

elbo_status elbo_task_fleet_act(elbo_task_fleet *fleet,
                                const elbo_task_run *run,
                                elbo_task_manner manner, elbo_arena *ws)
{
    const size_t n = fleet->n, nu = run->world.nu;
    const elbo_task_act act = {
        .n = n,
        .o = fleet->o,
        .first = fleet->first,
        .memory = fleet->memory,
        .rng = fleet->draws,
        .explore = manner == ELBO_TASK_EXPLORE,
        .u = fleet->u,
        .logpi = fleet->logpi,
    };

    if (n == 0) return ELBO_OK;
    if (manner == ELBO_TASK_UNIFORM)
        elbo_task_uniform(&run->world, n, fleet->draws, fleet->u);
    else
        ELBO_TRY(run->control->act(run->solver, &act, ws));
    memset(fleet->first, 0, n);
    for (size_t i = 0; i < n * nu; i++)
        if (!isfinite(fleet->u[i]))
            return ELBO_FAIL(ELBO_ENOTFINITE,
                             "component %zu of the action in episode %u is %g",
                             i % nu, fleet->who[i / nu], (double)fleet->u[i]);
    settle(&run->world, n, fleet->u);
    return ELBO_OK;
}

void elbo_task_fleet_step(elbo_task_fleet *fleet, const elbo_task_run *run)
{
    const elbo_task_world *const w = &run->world;

    if (fleet->n == 0) return;
    elbo_task_actions(w, fleet->n, fleet->u, fleet->a);
    w->task->step(w->self, fleet->n, fleet->x, fleet->a, fleet->noise,
                  fleet->next, fleet->reward, fleet->end);
    w->task->observe(w->self, fleet->n, fleet->next, fleet->noise,
                     fleet->after);
}

elbo_status elbo_task_fleet_imagine(elbo_task_fleet *fleet,
                                    const elbo_task_run *run, bool posterior,
                                    elbo_arena *ws)
{
    elbo_task_transition plain = run->transition;
    elbo_status s = ELBO_OK;

    plain.tilt.kind = &elbo_transition_model;
    plain.ratio = NULL;
    if (fleet->n > 0)
        s = elbo_task_transition_draw(posterior ? &run->transition : &plain, fleet->n,
                                      fleet->o, fleet->u, fleet->noise, fleet->member,
                                      fleet->after, fleet->paid, fleet->end, fleet->kl,
                                      ws);
    for (size_t i = 0; s == ELBO_OK && i < fleet->n; i++)
        fleet->reward[i] = (double)fleet->paid[i];
    return s;
}

/* Row i <- row j. */
#define MOVE(array, width)                                                     \
    memmove((array) + i * (width), (array) + j * (width),                      \
            (width) * sizeof *(array))

void elbo_task_fleet_advance(elbo_task_fleet *fleet, const elbo_task_run *run,
                             const uint8_t over[])
{
    const size_t n = fleet->n, no = run->world.no, nx = run->world.nx;
    size_t i = 0;

    memcpy(fleet->o, fleet->after, n * no * sizeof *fleet->o);
    memcpy(fleet->x, fleet->next, nx * n * sizeof *fleet->x);
    if (!over) return;
    for (size_t j = 0; j < n; j++) {
        if (over[j]) continue;
        if (i < j) {
            MOVE(fleet->o, no);
            MOVE(fleet->memory, run->memory);
            MOVE(fleet->who, 1);
            MOVE(fleet->first, 1);
            MOVE(fleet->noise, 1);
            MOVE(fleet->draws, 1);
        }
        i++;
    }
    fleet->n = i;

    size_t at = 0;

    for (size_t k = 0; k < nx; k++)
        for (size_t j = 0; j < n; j++)
            if (!over[j]) fleet->x[at++] = fleet->next[k * n + j];
}

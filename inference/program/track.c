#include "inference/program/track.h"

#include <string.h>

#include "inference/program/folder.h"
#include "inference/program/reopen.h"

/* What is drawn of one engine. */
typedef struct picture {
    const elbo_world *world;
    const elbo_mdp *mdp;
    const double *pi; /* the first stage's */
    uint8_t *seen;    /* [nS] scratch */
} picture;

static size_t largest(const double x[], size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return best;
}

/* The likeliest successor of a row, nS for END. */
static size_t successor(const elbo_kernel *P, size_t row)
{
    const elbo_pattern *const pattern = P->pattern;
    const size_t begin = elbo_row_begin(pattern, row);
    const size_t n = elbo_row_end(pattern, row) - begin;

    return elbo_successor(pattern, row, begin + largest(P->prob + begin, n));
}

/* Mark the row's successors and queue those that are new. */
static size_t mark_row(const picture *p, size_t row, uint32_t queue[], size_t n)
{
    const elbo_kernel *const P = &p->mdp->P;
    const size_t end = elbo_row_end(P->pattern, row);

    for (size_t i = elbo_row_begin(P->pattern, row); i < end; i++) {
        const size_t next = elbo_successor(P->pattern, row, i);

        if (next == p->mdp->nS || p->seen[next] || !(P->prob[i] > 0)) continue;
        p->seen[next] = 1;
        queue[n++] = (uint32_t)next;
    }
    return n;
}

/* seen[s] = 1 for each state that some policy reaches. */
static elbo_status mark_reachable(const picture *p, elbo_arena *arena)
{
    const size_t nS = p->mdp->nS, nA = p->mdp->nA;
    uint32_t *const queue = elbo_arena_u32(arena, nS);
    size_t n = 0;

    ELBO_TRY(elbo_arena_check(arena, "the picture's states"));
    memset(p->seen, 0, nS);
    for (size_t s = 0; s < nS; s++)
        if (p->mdp->mu[s] > 0) p->seen[queue[n++] = (uint32_t)s] = 1;
    for (size_t k = 0; k < n; k++) {
        const size_t first = queue[k] * nA;

        for (size_t row = first; row < first + nA; row++)
            n = mark_row(p, row, queue, n);
    }
    return ELBO_OK;
}

static double best_reward(const elbo_mdp *mdp, size_t s)
{
    return mdp->r[s * mdp->nA + largest(mdp->r + s * mdp->nA, mdp->nA)];
}

static void put_cells(const picture *p, FILE *file)
{
    const size_t nS = p->mdp->nS, dim = p->world->dim;
    double most = best_reward(p->mdp, 0), least = most;

    for (size_t s = 1; s < nS; s++) {
        const double r = best_reward(p->mdp, s);

        most = r > most ? r : most;
        least = r < least ? r : least;
    }
    for (size_t s = 0; s < nS; s++) {
        const bool best = most > least && !(best_reward(p->mdp, s) < most);

        fprintf(file, "%d %d %d\n", p->world->coord[s * dim],
                p->world->coord[s * dim + 1], !p->seen[s] ? 1 : best ? 2 : 0);
    }
    fputs("\n\n", file);
}

static void put_way(const picture *p, FILE *file)
{
    const size_t nS = p->mdp->nS, nA = p->mdp->nA, dim = p->world->dim;
    size_t s = largest(p->mdp->mu, nS);
    bool again = false;

    memset(p->seen, 0, nS);
    while (s < nS) {
        fprintf(file, "%d %d %d\n", p->world->coord[s * dim],
                p->world->coord[s * dim + 1], again);
        if (again) break;
        p->seen[s] = 1;
        s = successor(&p->mdp->P, s * nA + largest(p->pi + s * nA, nA));
        again = s < nS && p->seen[s];
    }
    fputs("\n\n", file);
}

static elbo_status put(const elbo_engine *engine, FILE *file, elbo_arena *arena,
                       bool *drawn)
{
    picture p = {.world = elbo_engine_world(engine),
                 .mdp = elbo_engine_truth(engine),
                 .pi = elbo_engine_posterior(engine)->pi};

    *drawn = p.world->coord && p.world->dim == 2;
    if (!*drawn) {
        fputs("NaN NaN NaN\n\n\nNaN NaN NaN\n\n\n", file);
        return ELBO_OK;
    }
    p.seen = elbo_arena_take(arena, p.mdp->nS, 1);
    ELBO_TRY(elbo_arena_check(arena, "the picture's states"));
    ELBO_TRY(mark_reachable(&p, arena));
    put_cells(&p, file);
    put_way(&p, file);
    return ELBO_OK;
}

elbo_status elbo_track_put(const char *dir, FILE *file, elbo_arena *arena,
                           bool *drawn)
{
    const char *const path = elbo_path(arena, "%s/manifest.json", dir);
    elbo_manifest manifest;
    elbo_experiment *experiment = NULL;
    elbo_engine *engine = NULL;

    ELBO_TRY(elbo_arena_check(arena, "the run"));
    ELBO_TRY(elbo_manifest_read(path, arena, &manifest));
    ELBO_TRY(elbo_reopen_experiment(dir, &manifest, arena, &experiment));

    elbo_status s = elbo_reopen_engine(experiment, dir, manifest.seeds[0],
                                       arena, &engine);

    if (s == ELBO_OK) s = put(engine, file, arena, drawn);
    elbo_engine_free(engine);
    elbo_experiment_free(experiment);
    return s;
}

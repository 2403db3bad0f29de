#include "inference/program/track.h"

#include <math.h>
#include <string.h>

#include "inference/program/folder.h"
#include "inference/program/reopen.h"

/* What is drawn of one engine. */
typedef struct picture {
    const elbo_world *world;
    const elbo_mdp *mdp;
    const double *pi; /* the first stage's */
    uint8_t *seen;    /* [nS] scratch */
    double most;      /* the largest reward, NaN where all are alike */
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
static void mark_reachable(const picture *p, uint32_t queue[])
{
    const size_t nS = p->mdp->nS, nA = p->mdp->nA;
    size_t n = 0;

    memset(p->seen, 0, nS);
    for (size_t s = 0; s < nS; s++)
        if (p->mdp->mu[s] > 0) p->seen[queue[n++] = (uint32_t)s] = 1;
    for (size_t k = 0; k < n; k++) {
        const size_t first = queue[k] * nA;

        for (size_t row = first; row < first + nA; row++)
            n = mark_row(p, row, queue, n);
    }
}

static double best_reward(const elbo_mdp *mdp, size_t s)
{
    return mdp->r[s * mdp->nA + largest(mdp->r + s * mdp->nA, mdp->nA)];
}

static double largest_reward(const elbo_mdp *mdp)
{
    double most = best_reward(mdp, 0), least = most;

    for (size_t s = 1; s < mdp->nS; s++) {
        const double r = best_reward(mdp, s);

        most = r > most ? r : most;
        least = r < least ? r : least;
    }
    return most > least ? most : (double)NAN;
}

static void fill_cells(const picture *p, elbo_track_cell cell[])
{
    const int32_t *const at = p->world->coord;

    for (size_t s = 0; s < p->mdp->nS; s++)
        cell[s] =
            (elbo_track_cell){.row = at[2 * s],
                        .column = at[2 * s + 1],
                        .kind = !p->seen[s] ? ELBO_CELL_WALL
                                : best_reward(p->mdp, s) >= p->most
                                    ? ELBO_CELL_BEST
                                    : ELBO_CELL_FREE};
}

/* The way into way[nS + 1]; out->arrives is whether its end pays the most. */
static void walk(const picture *p, uint32_t way[], elbo_track *out)
{
    const size_t nS = p->mdp->nS, nA = p->mdp->nA;
    size_t s = largest(p->mdp->mu, nS), n = 0, row = 0;

    memset(p->seen, 0, nS);
    while (s < nS && !p->seen[s]) {
        p->seen[s] = 1;
        way[n++] = (uint32_t)s;
        row = s * nA + largest(p->pi + s * nA, nA);
        s = successor(&p->mdp->P, row);
    }
    out->arrives = s == nS && p->mdp->r[row] >= p->most;
    if (s < nS) way[n++] = (uint32_t)s;
    for (size_t i = n; s < nS && i-- > 0;) {
        out->arrives |= best_reward(p->mdp, way[i]) >= p->most;
        if (i + 1 < n && way[i] == s) break;
    }
    out->n_way = n;
}

static elbo_status draw(const elbo_engine *engine, elbo_arena *arena,
                        elbo_track *out)
{
    picture p = {.world = elbo_engine_world(engine)};

    *out = (elbo_track){0};
    if (!p.world || !p.world->coord || p.world->dim != 2) return ELBO_OK;
    p.mdp = elbo_engine_truth(engine);
    p.pi = elbo_engine_posterior(engine)->pi;

    const size_t nS = p.mdp->nS;

    elbo_track_cell *const cell = elbo_arena_take(arena, nS, sizeof *cell);
    uint32_t *const way = elbo_arena_u32(arena, nS + 1);

    p.seen = elbo_arena_take(arena, nS, 1);
    ELBO_TRY(elbo_arena_check(arena, "the picture's states"));
    p.most = largest_reward(p.mdp);
    mark_reachable(&p, way);
    fill_cells(&p, cell);
    *out = (elbo_track){.cell = cell, .n_cells = nS, .way = way};
    walk(&p, way, out);
    return ELBO_OK;
}

elbo_status elbo_track_read(const char *dir, elbo_arena *arena, elbo_track *out)
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

    if (s == ELBO_OK) s = draw(engine, arena, out);
    elbo_engine_free(engine);
    elbo_experiment_free(experiment);
    return s;
}

/* ---- for gnuplot ---- */

void elbo_track_put(const elbo_track *track, FILE *file)
{
    if (track->n_cells == 0) {
        fputs("NaN NaN NaN\n\n\nNaN NaN NaN\n\n\n", file);
        return;
    }
    for (size_t s = 0; s < track->n_cells; s++)
        fprintf(file, "%d %d %d\n", track->cell[s].row, track->cell[s].column,
                (int)track->cell[s].kind);
    fputs("\n\n", file);
    for (size_t i = 0; i < track->n_way; i++) {
        const elbo_track_cell *const c = &track->cell[track->way[i]];
        const int end = i + 1 < track->n_way ? 0 : 1 + track->arrives;

        fprintf(file, "%d %d %d\n", c->row, c->column, end);
    }
    fputs("\n\n", file);
}

/* ---- in characters ---- */

/* Characters of one world, a row a line, each cell a letter and a blank. */
typedef struct canvas {
    char *text; /* [rows x 2 columns]; NULL: it has no picture */
    int64_t top, left;
    size_t rows, columns;
} canvas;

enum { MOST_ROWS = 64 };

static char arrow(elbo_track_cell from, elbo_track_cell to)
{
    if (to.row != from.row) return to.row < from.row ? '^' : 'v';
    if (to.column != from.column) return to.column < from.column ? '<' : '>';
    return 'o';
}

static canvas measure(const elbo_track *t)
{
    int64_t bottom = INT32_MIN, right = INT32_MIN;
    canvas c = {.top = INT32_MAX, .left = INT32_MAX};

    for (size_t s = 0; s < t->n_cells; s++) {
        const int64_t row = t->cell[s].row, column = t->cell[s].column;

        c.top = row < c.top ? row : c.top;
        c.left = column < c.left ? column : c.left;
        bottom = row > bottom ? row : bottom;
        right = column > right ? column : right;
    }
    if (t->n_cells > 0) {
        c.rows = (size_t)(bottom - c.top + 1);
        c.columns = (size_t)(right - c.left + 1);
    }
    return c;
}

static char *letter(const canvas *c, elbo_track_cell cell)
{
    const size_t row = (size_t)(cell.row - c->top);

    return c->text + 2 * (row * c->columns + (size_t)(cell.column - c->left));
}

static elbo_status paint(const elbo_track *t, size_t columns, elbo_arena *arena,
                         canvas *c)
{
    const size_t end = t->n_way - 1;

    *c = measure(t);
    if (c->rows == 0 || c->rows > MOST_ROWS || 2 * c->columns > columns)
        return ELBO_OK;
    c->text = elbo_arena_take(arena, c->rows * c->columns, 2);
    ELBO_TRY(elbo_arena_check(arena, "a picture"));
    for (size_t i = 0; i < c->rows * c->columns; i++) {
        c->text[2 * i] = '#';
        c->text[2 * i + 1] = ' ';
    }
    for (size_t s = 0; s < t->n_cells; s++)
        *letter(c, t->cell[s]) = ".#G"[t->cell[s].kind];
    for (size_t i = 0; i < end; i++)
        *letter(c, t->cell[t->way[i]]) =
            arrow(t->cell[t->way[i]], t->cell[t->way[i + 1]]);
    *letter(c, t->cell[t->way[end]]) = t->arrives ? 'G' : 'X';
    return ELBO_OK;
}

/* Some letters of a text, and blanks up to a width. */
static void put_field(const char *text, size_t n, size_t wide, FILE *file)
{
    fprintf(file, "%.*s%*s", (int)n, text, (int)(wide > n ? wide - n : 0), "");
}

/* Those that stand beside one another. */
static void print_rows(const canvas c[], const elbo_track_title title[],
                       size_t n, size_t wide, FILE *file)
{
    size_t rows = 0;

    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < n; i++) {
            const char *const line = title[i].line[k];

            put_field(line, strlen(line), wide, file);
            if (c[i].rows > rows) rows = c[i].rows;
        }
        fputc('\n', file);
    }
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < n; i++) {
            const size_t pitch = 2 * c[i].columns;

            if (row < c[i].rows)
                put_field(c[i].text + row * pitch, pitch, wide, file);
            else
                put_field("", 0, wide, file);
        }
        fputc('\n', file);
    }
    fputc('\n', file);
}

static size_t wider(size_t a, size_t b)
{
    return a > b ? a : b;
}

elbo_status elbo_tracks_print(const elbo_track track[],
                              const elbo_track_title title[], size_t n,
                              size_t columns, FILE *file, elbo_arena *arena)
{
    canvas *const c = elbo_arena_take(arena, n, sizeof *c);
    size_t wide = 0;

    ELBO_TRY(elbo_arena_check(arena, "the pictures"));
    for (size_t i = 0; i < n; i++) {
        ELBO_TRY(paint(&track[i], columns, arena, &c[i]));
        if (!c[i].text) return ELBO_OK;

        wide = wider(wide, 2 * c[i].columns);
        for (size_t k = 0; k < 2; k++)
            wide = wider(wide, strlen(title[i].line[k]));
    }

    wide += 2;

    const size_t beside = wide < columns ? columns / wide : 1;

    for (size_t i = 0; i < n; i += beside)
        print_rows(c + i, title + i, n - i < beside ? n - i : beside, wide,
                   file);
    return ELBO_OK;
}

#include "envs/gridmap.h"

#include <stdio.h>
#include <string.h>

static bool ends_row(char c)
{
    return c == '/' || c == '\n' || c == '\0';
}

/* The cells of the row at `text`, and where the next row starts. */
static size_t row_length(const char *text, const char **next)
{
    size_t n = 0;

    while (!ends_row(text[n])) n++;
    *next = text + n + (text[n] != '\0');
    return n > 0 && text[n] == '\n' && text[n - 1] == '\r' ? n - 1 : n;
}

static bool wrong(elbo_gridmap_fault *fault, size_t column, const char *text)
{
    fault->column = column + 1;
    fault->offset += column;
    snprintf(fault->text, sizeof fault->text, "%s", text);
    return false;
}

static bool right_row(const char *row, size_t n, size_t cols,
                      elbo_gridmap_fault *fault)
{
    static const char known[] = ".#SGP^>v<";
    const size_t good = strspn(row, known);
    char text[128];

    if (good < n) {
        const char c = row[good] < ' ' || row[good] > '~' ? '?' : row[good];

        snprintf(text, sizeof text, "unknown character '%c', not one of %s", c,
                 known);
        return wrong(fault, good, text);
    }
    if (n == 0) return wrong(fault, 0, "an empty row");
    if (n == cols) return true;
    snprintf(text, sizeof text, "a row of %zu cells below rows of %zu", n,
             cols);
    return wrong(fault, n < cols ? n : cols, text);
}

bool elbo_gridmap_measure(const char *text, elbo_gridmap *map,
                          elbo_gridmap_fault *fault)
{
    const char *row = text, *next;
    bool free_cell = false;

    *map = (elbo_gridmap){.cols = row_length(text, &next)};
    do {
        const size_t n = row_length(row, &next);

        fault->row = ++map->rows;
        fault->offset = (size_t)(row - text);
        if (!right_row(row, n, map->cols, fault)) return false;
        free_cell = free_cell || strspn(row, "#") < n;
        row = next;
    } while (*row);
    fault->row = 1;
    fault->offset = 0;
    return free_cell || wrong(fault, 0, "no cell is free: all are walls");
}

void elbo_gridmap_fill(const char *text, elbo_gridmap *map, elbo_arena *arena)
{
    char *const cell = elbo_arena_take(arena, map->rows, map->cols);

    map->cell = cell;
    for (size_t i = 0; cell && i < map->rows; i++) {
        const char *next;

        row_length(text, &next);
        memcpy(cell + i * map->cols, text, map->cols);
        text = next;
    }
}

void elbo_gridmap_open(elbo_gridmap *map, elbo_arena *arena)
{
    char *const cell = elbo_arena_take(arena, map->rows, map->cols);

    map->cell = cell;
    if (!cell) return;
    memset(cell, '.', map->rows * map->cols);
    cell[0] = 'S';
    cell[map->rows * map->cols - 1] = 'G';
}

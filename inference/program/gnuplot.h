/* inference/program/gnuplot.h -- figures: data and script beside each other,
 * drawn by gnuplot in a process of its own, without a shell.
 */
#ifndef ELBO_GNUPLOT_H
#define ELBO_GNUPLOT_H

#include "inference/program/series.h"
#include "inference/program/track.h"

typedef struct elbo_figure {
    const char *kind;            /* "elbo": KIND.gp, KIND.dat, KIND.svg ... */
    const char *const *columns;  /* of metrics.csv, NULL-terminated */
    const char *const *optional; /* 0 where a run lacks them; NULL-terminated */
    const elbo_run_series *run;  /* [n] */
    size_t n;
    const elbo_track *tracks; /* [n] the ways that go to KIND.track; NULL: none */
    const char *dir;     /* the folder that all goes to */
} elbo_figure;

/* Write KIND.dat, KIND.track if there are tracks, and KIND.gp (the shared style
 * and the kind's script behind the figure's own numbers and names). ELBO_EIO,
 * ELBO_EDATA, ELBO_ENOINPUT: the scripts are not found. */
elbo_status elbo_figure_write(const elbo_figure *figure, elbo_arena *arena);

/* Draw KIND.svg, KIND.png and KIND.txt. ELBO_ENOINPUT: there is no gnuplot;
 * ELBO_EINTERNAL: it failed, the text has its first complaint. */
elbo_status elbo_figure_draw(const elbo_figure *figure, elbo_arena *arena);

#endif

/* inference/program/papers.h -- the surveyed papers and their relatives, each
 * as a setting of the one engine. The table is made from papers/survey.csv at
 * build time, by papers.awk.
 *
 * Reference: Wei, Lambert, McDonald, Garcia, Calandra, A unified view on
 * solving objective mismatch in model-based reinforcement learning (arXiv
 * 2310.06253).
 */
#ifndef ELBO_PAPERS_H
#define ELBO_PAPERS_H

#include <stddef.h>

typedef struct elbo_paper {
    const char *category; /* one of the survey's four, or outside it */
    const char *name;     /* one word */
    const char *citation; /* authors: title, venue year */
    const char *id;       /* arXiv number, or venue */
    const char *leads;    /* the slot that leads it */
    const char *setting;  /* the slots, as an experiment file sets them */
    const char *folder;   /* under papers/, or "" */
    const char *verdict;  /* reproduced, in part, not reproduced, later (needs
                           * networks), not here yet; - for what is no paper */
} elbo_paper;

/* Grouped by category; ends in a row without a name. */
extern const elbo_paper elbo_papers[];

/* Print all, or the one of that name (in any case) or folder; returns how many.
 */
size_t elbo_papers_print(const char *name);

#endif

/* inference/program/papers.h -- the papers whose results the project states,
 * each as a setting of the one engine.
 */
#ifndef ELBO_PAPERS_H
#define ELBO_PAPERS_H

typedef struct elbo_paper {
    const char *name;     /* folder under papers/ */
    const char *citation; /* authors, title, venue, year */
    const char *category; /* of the survey */
    const char *leads;    /* the slot that leads it */
    const char *setting;  /* the slots, as an experiment file sets them */
} elbo_paper;

/* Ends in a row without a name. */
extern const elbo_paper elbo_papers[];

#endif

/* inference/messages/lds_parts.h -- what the files of lds share. */
#ifndef ELBO_LDS_PARTS_H
#define ELBO_LDS_PARTS_H

#include "inference/messages/lds.h"

/* A regression: its point (M, W), moments and, in VB, prior and posterior. */
typedef struct elbo_lds_regression {
    size_t dim, nz;
    gsl_matrix *M, *W; /* VB: of the kernel, W = Psi/nu */
    gsl_matrix *M_before, *W_before;
    elbo_moments S;
    double *scale;                /* [dim] */
    bool *held;                   /* [nz], columns of M */
    bool held_W, whole;           /* whole: nothing is learnt */
    elbo_mniw prior, q, q_before; /* VB */
    elbo_mniw_kernel kernel;
    gsl_matrix *penalty; /* [nz x nz] = dim K^-1; VB */
    double kl;
} elbo_lds_regression;

/* Workspaces of the threads, and what each chunk of the sequences gives. */
typedef struct elbo_lds_crew elbo_lds_crew;

struct elbo_lds {
    elbo_lds_config config;
    size_t nx, ny, nu, nz;
    const elbo_sequence *data;
    size_t n, most, longest; /* most: sequences that there may be; longest: rows */
    elbo_lds_regression part[ELBO_LDS_PARTS];
    size_t iteration;

    /* the views of M that make a model of the parts */
    gsl_matrix A, B, C, D;
    gsl_vector b, d, m0;
    elbo_lgssm_step step;
    elbo_lgssm model; /* with penalties */
    elbo_lgssm point; /* without */
    elbo_lds_crew *crew;
    elbo_arena *arena;
};

/* For at most n sequences of at most T rows, from lds->arena. ELBO_ENOMEM,
 * ELBO_ESIZE. */
elbo_status elbo_lds_hire(const elbo_lds *lds, size_t n, size_t T, bool moments,
                          elbo_lds_crew **out);
/* evidence, singular and steady of the sequences, and the parts' moments if the
 * crew takes them. The first failure in the order of sequences. */
elbo_status elbo_lds_run(elbo_lds *lds, elbo_lds_crew *crew,
                         const elbo_lgssm *model, const elbo_sequence data[],
                         size_t n, elbo_lds_info *info);

/* Parameters from the data (or config.initial). */
elbo_status elbo_lds_start(elbo_lds *lds);

/* M-step of all parts from their moments; only point: (M, W) by maximum
 * likelihood also in VB. */
elbo_status elbo_lds_mstep(elbo_lds *lds, elbo_lds_info *info, bool only_point);

/* VB: kernel, penalty, point and KL of q. */
elbo_status elbo_lds_kernel(elbo_lds *lds, elbo_lds_regression *r);

#endif

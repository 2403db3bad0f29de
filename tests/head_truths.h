/* tests/head_truths.h -- heads of networks, and what each is in plain
 * arithmetic.
 */
#ifndef ELBO_TEST_HEAD_TRUTHS_H
#define ELBO_TEST_HEAD_TRUTHS_H

#include "inference/core/tape.h"

enum {
    HEAD_ROWS = 3,
    HEAD_COLS = 2, /* of a Gaussian */
    HEAD_CHOICES = 3,
    HEAD_INPUTS = 4,
    HEAD_MOST = HEAD_ROWS * HEAD_COLS * HEAD_CHOICES
};

/* A head of up to four inputs; what it is in plain arithmetic for one row. */
typedef struct head_truth {
    const char *name;
    size_t cols[HEAD_INPUTS]; /* of inputs [HEAD_ROWS x cols] (0: none) */
    double low, high;         /* where the inputs lie */
    elbo_node (*build)(elbo_tape *t, const elbo_node in[]);
    double (*plain)(const double *const in[]);
} head_truth;

enum { HEAD_TRUTHS = 12 };
extern const head_truth head_truths[];

double head_log_normal(double x, double mean, double logvar);
/* KL(N(in[0], exp in[1]) || N(in[2], exp in[3])): its integral, one dimension
 * after the other. */
double head_plain_kl(const double *const in[]);

#endif

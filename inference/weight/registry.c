#include <string.h>

#include "inference/weight/factors.h"

/* X(struct, name, shape, it learns) */
#define FACTORS(X)                                                             \
    X(elbo_factor_occupancy, "occupancy", ELBO_FACTOR_ROW, false)              \
    X(elbo_factor_ratio, "ratio", ELBO_FACTOR_ROW, false)                      \
    X(elbo_factor_gamps, "gamps", ELBO_FACTOR_ROW, false)                      \
    X(elbo_factor_gamps_path, "gamps_path", ELBO_FACTOR_ENTRY, false)          \
    X(elbo_factor_tom, "tom", ELBO_FACTOR_ENTRY, false)                        \
    X(elbo_factor_pdml, "pdml", ELBO_FACTOR_EPOCH, false)                      \
    X(elbo_factor_recent, "recent", ELBO_FACTOR_EPOCH, false)                  \
    X(elbo_factor_ampl, "ampl", ELBO_FACTOR_ROW, false)                        \
    X(elbo_factor_distance_to, "distance_to", ELBO_FACTOR_ROW, false)          \
    X(elbo_factor_value, "value", ELBO_FACTOR_STATE, false)                    \
    X(elbo_factor_logratio, "logratio", ELBO_FACTOR_ENTRY, false)              \
    X(elbo_factor_metric, "metric", ELBO_FACTOR_ROW, true)

const elbo_factor *const elbo_factors[] = {
#define MEMBER(factor, name, shape, learns) &factor,
    FACTORS(MEMBER)
#undef MEMBER
        NULL};

const elbo_factor_name elbo_factor_words[] = {
#define WORD(factor, name, shape, learns) {name, shape, learns},
    FACTORS(WORD)
#undef WORD
        {0}};

const elbo_factor *elbo_factor_find(const char *name)
{
    for (size_t i = 0; elbo_factors[i]; i++)
        if (strcmp(elbo_factors[i]->name, name) == 0) return elbo_factors[i];
    return NULL;
}

/* inference/gradient/stop.c -- theta does not move the planner. */
#include "inference/gradient/kinds.h"

const elbo_gradient elbo_gradient_stop = {
    .name = "stop",
    .source = "the cut: Sutton 1991 (Dyna) and most since",
    .formula = "dV/dtheta = 0 in the M-step",
    .doc = "what the planner gave stands still in the M-step",
};

#include "inference/program/papers.h"

/* clang-format off */
const elbo_paper elbo_papers[] = {
    {.name = "toussaint2006_em",
     .citation = "Toussaint and Storkey, Probabilistic inference for solving "
                 "discrete and continuous state Markov decision processes, "
                 "ICML 2006",
     .category = "control as inference",
     .leads = "control",
     .setting = "model: true, control: em_policy, optimality: linear"},
    {.name = "levine2018_inference",
     .citation = "Levine, Reinforcement learning and control as probabilistic "
                 "inference, arXiv 1805.00909, 2018",
     .category = "control as inference",
     .leads = "transition",
     .setting = "model: true, control: soft_value_iteration, "
                "transition: tilt(1) or model"},
    {0},
};
/* clang-format on */

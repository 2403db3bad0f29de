#include "inference/optimal.h"

elbo_status elbo_optimal_policy(const elbo_mdp *mdp, const elbo_problem *like,
                                elbo_arena *arena, elbo_posterior *post)
{
    elbo_problem problem = *like;
    elbo_solve_info info;

    problem.mdp = *mdp;
    problem.alpha = 0;
    problem.optimality = ELBO_EXPONENTIAL;
    ELBO_TRY(elbo_transition_parse("model", ELBO_KL_STEP, mdp->gamma, arena,
                                   &problem.tilt, NULL, NULL));
    ELBO_TRY(elbo_posterior_init(post, &problem, arena));
    return elbo_solve(&problem, post, &info, arena);
}

elbo_status elbo_expert_policy(const elbo_mdp *mdp, const elbo_problem *like,
                               elbo_arena *arena, elbo_posterior *post)
{
    elbo_problem problem = *like;
    elbo_solve_info info;

    problem.mdp = *mdp;
    problem.tilt.gamma = mdp->gamma;
    ELBO_TRY(elbo_posterior_init(post, &problem, arena));
    return elbo_solve(&problem, post, &info, arena);
}

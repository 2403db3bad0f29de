/* tests/suites.h -- every suite of the test program: one line a module. */
#ifndef ELBO_SUITES_H
#define ELBO_SUITES_H

#include <check.h>

#define ELBO_SUITES(X)                                                         \
    X(status)                                                                  \
    X(cgroup)                                                                  \
    X(arena)                                                                   \
    X(rng)                                                                     \
    X(linalg)                                                                  \
    X(mniw)                                                                    \
    X(kalman)                                                                  \
    X(matrix_text)                                                             \
    X(least_squares)                                                           \
    X(dense)                                                                   \
    X(moments)                                                                 \
    X(lds)                                                                     \
    X(lds_vb)                                                                  \
    X(parallel)                                                                \
    X(lqr)                                                                     \
    X(lqr_solve)                                                               \
    X(lqr_evaluate)                                                            \
    X(lqr_gradient)                                                            \
    X(quadratic)                                                               \
    X(return_gradient)                                                         \
    X(lqg)                                                                     \
    X(opc)                                                                     \
    X(statistics)                                                              \
    X(options)                                                                 \
    X(names)                                                                   \
    X(call)                                                                    \
    X(checkpoint)                                                              \
    X(replace)                                                                 \
    X(tape)                                                                    \
    X(gaussian)                                                                \
    X(linear_objective)                                                        \
    X(program)                                                                 \
    X(mdp)                                                                     \
    X(transition)                                                              \
    X(robust)                                                                  \
    X(free)                                                                    \
    X(notebook)                                                                \
    X(returns)                                                                 \
    X(rambo)                                                                   \
    X(backup)                                                                  \
    X(evaluate)                                                                \
    X(heldout)                                                                 \
    X(envs)                                                                    \
    X(worlds)                                                                  \
    X(gridworld)                                                               \
    X(table)                                                                   \
    X(models)                                                                  \
    X(zero_order)                                                              \
    X(search)                                                                  \
    X(ascent)                                                                  \
    X(candidates)                                                              \
    X(regression)                                                              \
    X(identities)                                                              \
    X(gradient)                                                                \
    X(hypergradient)                                                           \
    X(metric)                                                                  \
    X(imitation)                                                               \
    X(omd)                                                                     \
    X(outer)                                                                   \
    X(mstep)                                                                   \
    X(control)                                                                 \
    X(data)                                                                    \
    X(bound)                                                                   \
    X(linear)                                                                  \
    X(watchdog)                                                                \
    X(likelihood)                                                              \
    X(standing)                                                                \
    X(stages)                                                                  \
    X(equivalence)                                                             \
    X(minimax)                                                                 \
    X(settings)                                                                \
    X(engine)                                                                  \
    X(course)                                                                  \
    X(linear_worlds)                                                           \
    X(observed)                                                                \
    X(observed_exact)                                                          \
    X(resume)                                                                  \
    X(rises)                                                                   \
    X(evidence)                                                                \
    X(expression)                                                              \
    X(factor)                                                                  \
    X(weight)                                                                  \
    X(density)                                                                 \
    X(mismatch_weights)                                                        \
    X(experiment)                                                              \
    X(scores)                                                                  \
    X(transform)                                                               \
    X(continuous)                                                              \
    X(i2c)                                                                     \
    X(i2c_worlds)                                                              \
    X(hmm)                                                                     \
    X(hmm_learn)                                                               \
    X(ilqr)                                                                    \
    X(features)                                                                \
    X(papers)

#define ELBO_SUITE_DECLARE(name) Suite *suite_##name(void);
ELBO_SUITES(ELBO_SUITE_DECLARE)
#undef ELBO_SUITE_DECLARE

#endif

/* tests/i2c_cases.h -- linear problems of i2c whose parts live in an arena. */
#ifndef ELBO_TEST_I2C_CASES_H
#define ELBO_TEST_I2C_CASES_H

#include "inference/core/rng.h"
#include "inference/messages/i2c.h"
#include "tests/linear_control.h"
#include "tests/lqr_cases.h"

typedef struct i2c_task {
    linear_map f, h, h_end;
    elbo_i2c_problem p;
} i2c_task;

/* The problem's maps are the task's: after any change of f, h or h_end. */
void i2c_task_link(i2c_task *w);

/* The LQR-equivalence experiment; `noise` on the diagonals of P0 and Sigma. */
void i2c_lqr_task(i2c_task *w, double variance_u, double noise, elbo_arena *ws);
/* A drawn task of nx states, nu inputs. */
void i2c_drawn_task(i2c_task *w, size_t nx, size_t nu, size_t T, elbo_rng *rng,
                    elbo_arena *ws);

/* Opened at alpha, the other settings their defaults, and iterated once. */
elbo_i2c *i2c_one_iteration(i2c_task *w, double alpha,
                            const elbo_transform_rule *rule,
                            elbo_i2c_info *info, elbo_arena *ws);

#endif

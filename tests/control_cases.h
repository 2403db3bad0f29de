/* tests/control_cases.h -- small worlds kept densely, so that the oracles of
 * the control tests need nothing of the library; and one control at work on
 * one.
 */
#ifndef ELBO_CONTROL_CASES_H
#define ELBO_CONTROL_CASES_H

#include <check.h>

#include "inference/control.h"

/* All arrays are the caller's to change until dense_mdp is called. */
typedef struct dense_world {
    size_t nS, nA;
    double *P;  /* [nS x nA x nS] */
    double *r;  /* [nS x nA] */
    double *mu; /* [nS] */
    double gamma;
} dense_world;

dense_world dense_alloc(size_t nS, size_t nA, double gamma, elbo_arena *arena);
elbo_mdp dense_mdp(const dense_world *w, elbo_arena *arena);

/* V [nS] of a stationary policy by Gauss-Jordan elimination; returns mu'V. */
double dense_value(const dense_world *w, const double pi[], double V[]);

/* 10 x 10, walls in rows 0-5 of columns 4-5, a move is replaced by a uniform
 * one with probability 0.5; reward `goal` in cell (0, 9), else `low`; start (0,
 * 0), gamma 0.9 (Eysenbach et al. 2022). */
dense_world maze(double low, double goal, elbo_arena *arena);
/* Cells left, middle, right with rewards 50, 1, 51; a move in the right cell
 * succeeds half the time and else goes left; start in the middle. */
dense_world risk(elbo_arena *arena);
/* nS x nA with three successors a row, rewards in [0, 1), from a seed. */
dense_world garnet(uint64_t seed, size_t nS, size_t nA, double gamma,
                   elbo_arena *arena);

/* A control on a world, driven as the engine drives it. */
typedef struct trial {
    elbo_arena *arena, *ws;
    dense_world world;
    elbo_problem problem;
    elbo_posterior post;
    elbo_values values;
    elbo_controller controller;
    elbo_solve_info info;
} trial;

/* An arena and defaults: gamma of the world, no horizon, tolerance 1e-13, 1e6
 * sweeps; `world` is filled in by the caller before trial_open. */
trial trial_make(void);
/* The named control with "option=value ..."; asserts that all is well. */
void trial_open(trial *t, const char *name, const char *settings, double alpha,
                double beta);
/* The same, returning what went wrong. */
elbo_status trial_try(trial *t, const char *name, const char *settings,
                      double alpha, double beta);
/* pi0 <- pi where the control wants it, then one E-step. */
elbo_status trial_step(trial *t);
void trial_steps(trial *t, size_t n); /* asserts ELBO_OK */
/* J of the policy in the world, by dense_value. */
double trial_return(const trial *t);
void trial_free(trial *t);

double largest_difference(const double a[], const double b[], size_t n);
bool same_bits(const double a[], const double b[], size_t n);

/* The registry's contract; the cases of em_policy, psi_learning and q_learning. */
TCase *tcase_control_contract(void);
TCase *tcase_em_policy(void);
TCase *tcase_psi_learning(void);
TCase *tcase_q_learning(void);

#endif

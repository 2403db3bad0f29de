/* tests/program_cases.c -- the loops are written from the formulas, one
 * transition at a time, and share nothing with the compiler.
 */
#include "tests/program_cases.h"

#include <math.h>

#include "tests/program_published.h"
#include "tests/program_walks.h"
#include "tests/program_words.h"

/* ---- those of the contract ---- */

ORACLE(logp)
{
    UNUSED;
    return log(p[w->entry[x]]);
}
ORACLE(calibrated)
{
    UNUSED;
    return -0.5 * sq(mean_V(w, p, x) - next_V(w, x));
}
ORACLE(sampled)
{
    UNUSED;
    OVER_Y(m, p, sq(w->V[y] - next_V(w, x)))
    return -0.5 * m;
}
ORACLE(bounded)
{
    double sum = 0;

    UNUSED;
    for (size_t k = 0; k < DIM; k++)
        sum += sq(slope(w, w->next[x], k)
                  * (mean_at(w, p, x, k) - at(w, w->next[x], k)));
    return -0.5 * sum;
}
ORACLE(advantage)
{
    UNUSED;
    return -fabs(mean_V(w, p, x) - data_V(w, x));
}
ORACLE(omd)
{
    UNUSED;
    return -0.5 * sq(Q_of(w, x) - (w->r[x] + gamma_ * data_V(w, x)));
}
ORACLE(omd_mean)
{
    UNUSED;
    OVER_DATA(target, true, w->r[z] + gamma_ * next_V(w, z))
    return -0.5 * sq(Q_of(w, x) - target);
}
ORACLE(irl)
{
    UNUSED;
    return w->logpi[w->row[x]] + 0.5 * logp(w, p, held, x);
}
ORACLE(logpi)
{
    UNUSED;
    return w->logpi[w->row[x]];
}
ORACLE(J)
{
    UNUSED;
    return 1.385;
}
ORACLE(yours)
{
    UNUSED;
    return log(p[w->entry[x]]) - 0.1 * sq(mean_V(w, p, x) - next_V(w, x));
}

/* ---- scalars and places ---- */

ORACLE(Jmodel)
{
    UNUSED;
    return -2 * sq(-0.77) + 3.385;
}
ORACLE(reward)
{
    UNUSED;
    return (w->r[x] - 0.2) * gamma_;
}
ORACLE(value_here)
{
    UNUSED;
    return exp(w->V[s_of(w, x)] / 3);
}
ORACLE(occupied)
{
    UNUSED;
    return w->occupancy[w->row[x]] * w->r[x];
}
ORACLE(lead)
{
    UNUSED;
    return Q_of(w, x) - w->V[s_of(w, x)];
}
ORACLE(lead_next)
{
    const size_t a = w->row[x] % NA, next = w->next[x];

    UNUSED;
    return Q_at(w, next, a) - w->V[next];
}
ORACLE(lead_y)
{
    UNUSED;
    OVER_Y(m, p, sq(Q_at(w, y, w->row[x] % NA) - w->V[y]))
    return m;
}
ORACLE(policy_next)
{
    const size_t a = w->row[x] % NA, next = w->next[x];

    UNUSED;
    return next == NS ? 0 : w->logpi[next * NA + a];
}
ORACLE(policy_y)
{
    UNUSED;
    OVER_Y(m, p, y == NS ? 0 : w->logpi[y * NA + w->row[x] % NA])
    return sq(m);
}
ORACLE(rowwise)
{
    UNUSED;
    OVER_Y(m, p, Q_of(w, x) * w->V[y] + 1.3)
    return m;
}
ORACLE(pairwise)
{
    UNUSED;
    OVER_Y(m, p, exp(-fabs(w->V[y] - next_V(w, x))) * w->r[x])
    return log(1.385 + sq(m));
}
ORACLE(power)
{
    UNUSED;
    return pow(3.1 + mean_V(w, p, x), -1.7);
}
ORACLE(square_power)
{
    UNUSED;
    return pow(mean_V(w, p, x), 2) / (1 + sq(w->r[x]));
}
ORACLE(root)
{
    UNUSED;
    return sqrt(7.7 + mean_V(w, p, x));
}
ORACLE(smaller)
{
    UNUSED;
    return fmin(mean_V(w, p, x), next_V(w, x) + 0.11)
           + fmax(mean_V(w, p, x), data_V(w, x) - 0.03);
}
ORACLE(clipped)
{
    UNUSED;
    return fmin(fmax(mean_V(w, p, x), -0.3), 0.7);
}
ORACLE(rectified)
{
    UNUSED;
    return fmax(0, mean_V(w, p, x) - 0.45) - w->r[x];
}

/* ---- averages ---- */

ORACLE(Var_V)
{
    UNUSED;
    return -variance(w, p, x);
}
ORACLE(Var_pair)
{
    UNUSED;
    OVER_Y(m, p, w->V[y] * w->r[x] + Q_of(w, x))
    OVER_Y(v, p, sq(w->V[y] * w->r[x] + Q_of(w, x) - m))
    return v;
}
ORACLE(Var_none)
{
    UNUSED;
    return 2.385 * log(p[w->entry[x]]);
}
ORACLE(mean_none)
{
    UNUSED;
    return w->r[x] * log(p[w->entry[x]]);
}
ORACLE(nested)
{
    const double m = mean_V(w, p, x);

    UNUSED;
    OVER_Y(v, p, fabs(w->V[y] - m + 0.07) * next_V(w, x))
    return v;
}
ORACLE(logp_inside)
{
    UNUSED;
    OVER_Y(v, p, w->V[y] * log(p[w->entry[x]]))
    return v;
}
ORACLE(data_of_model)
{
    UNUSED;
    OVER_DATA(m, true, sq(mean_V(w, p, z) - next_V(w, z)))
    return -m;
}
ORACLE(moments)
{
    UNUSED;
    OVER_DATA(m, false, mean_V(w, p, z) - next_V(w, z))
    return -sq(m);
}
ORACLE(moment_ratio)
{
    UNUSED;
    OVER_DATA(m, false, sq(mean_V(w, p, z) - data_V(w, z)))
    OVER_DATA(n, false, variance(w, p, z))
    OVER_DATA(l, false, w->r[z])
    return (log(p[w->entry[x]]) - m / (0.3 + n)) * l;
}
ORACLE(data_inside)
{
    const double target = data_V(w, x);

    UNUSED;
    OVER_Y(m, p, sq(w->V[y] - target))
    return -m;
}
ORACLE(held_mean)
{
    const double off = mean_V(w, p, x) - mean_V(w, held, x);

    UNUSED;
    return -sq(off + next_V(w, x)) * mean_V(w, held, x);
}
ORACLE(held_logp)
{
    UNUSED;
    return exp(log(held[w->entry[x]])) * log(p[w->entry[x]]);
}
ORACLE(held_inside)
{
    const double m = mean_V(w, held, x);

    UNUSED;
    OVER_Y(v, p, sq(w->V[y] - m))
    return v;
}
ORACLE(factors)
{
    UNUSED;
    return -(w->r[x] * -(mean_V(w, p, x) * Q_of(w, x))) * log(p[w->entry[x]]);
}
ORACLE(quotient)
{
    UNUSED;
    return w->r[x] / (4.4 + mean_V(w, p, x)) + 1;
}

/* ---- vectors ---- */

ORACLE(displacement)
{
    const size_t s = s_of(w, x), n = w->next[x];
    double dot = 0;

    UNUSED;
    for (size_t k = 0; k < DIM; k++)
        dot += (mean_at(w, p, x, k) - at(w, s, k)) * (at(w, n, k) + 0.5);
    return dot;
}
ORACLE(far)
{
    UNUSED;
    OVER_Y(m, p, apart(w, y, w->next[x])) return -m;
}
ORACLE(near)
{
    const double dx = mean_at(w, p, x, 0) - at(w, w->next[x], 0) - 0.1;
    const double dy = mean_at(w, p, x, 1) - at(w, w->next[x], 1) - 0.1;

    UNUSED;
    return -hypot(dx, dy) * apart(w, s_of(w, x), w->next[x]);
}
ORACLE(direction)
{
    const double dx = mean_at(w, p, x, 0) - 0.21;
    const double dy = mean_at(w, p, x, 1) - 0.21;

    UNUSED;
    return (dx + 2 * dy * 0.5) / hypot(dx, dy);
}
ORACLE(slopes)
{
    double sum = 0;

    UNUSED;
    for (size_t k = 0; k < DIM; k++) {
        OVER_Y(m, p, slope(w, y, k))
        sum += sq(m - slope(w, s_of(w, x), k));
    }
    return sum;
}
ORACLE(centred)
{
    double sum = 0;

    UNUSED;
    for (size_t k = 0; k < DIM; k++) {
        OVER_DATA(m, false, at(w, w->next[z], k))
        sum += (mean_at(w, p, x, k) - m) * at(w, w->next[x], k);
    }
    return sum;
}
ORACLE(spread)
{
    double sum = 0;

    UNUSED;
    for (size_t k = 0; k < DIM; k++) {
        const double m = mean_at(w, p, x, k);

        OVER_Y(v, p, sq(at(w, y, k) - m))
        sum += v;
    }
    return sum;
}

/* ---- the model's rewards, other values, the policy ---- */

static double then(const program_world *w, size_t x, size_t state)
{
    return w->V_then[w->epoch[x] * (NS + 1) + state];
}

ORACLE(target_copy)
{
    UNUSED;
    OVER_Y(m, p, w->V_target[y])
    return sq(m - w->V_target[w->next[x]]) + w->V_target[s_of(w, x)];
}
ORACLE(regression)
{
    UNUSED;
    OVER_Y(m, p, then(w, x, y))
    return -sq(m - then(w, x, w->next[x])) + then(w, x, s_of(w, x));
}
ORACLE(rolled_once)
{
    UNUSED;
    return mean_V(w, p, x);
}
/* Over the actions that have data. */
ORACLE(policy_mean)
{
    double sum = 0, n = 0;

    UNUSED;
    for (size_t row = 0; row < ROWS; row++) {
        size_t z = 0;

        if (row / NA != s_of(w, x)) continue;
        while (z < SAMPLES && w->row[z] != row) z++;
        if (z == SAMPLES) continue;
        n += exp(w->logpi[row]);
        sum += exp(w->logpi[row])
               * (w->rhat[row] + gamma_ * mean_V(w, p, z) - data_V(w, z)
                  + w->Q[row]);
    }
    return -sq(sum / n);
}

const program_case program_cases[] = {
    {"logp",                                                            logp         },
    {"-0.5*sq(E(V(y)) - V(next))",                                      calibrated   },
    {"-0.5*E(sq(V(y) - V(next)))",                                      sampled      },
    {"-0.5*sum(sq(stop(gradV(next))*(E(y) - next)))",                   bounded      },
    {"-abs(E(V(y)) - Ed(V(next)))",                                     advantage    },
    {"-0.5*sq(Q(s,a) - (r + gamma*Ed(V(next))))",                       omd          },
    {"-0.5*sq(Q(s,a) - Ed(r + gamma*V(next)))",                         omd_mean     },
    {"logpi + 0.5*logp",                                                irl          },
    {"logpi",                                                           logpi        },
    {"J",                                                               J            },
    {"logp - 0.1*sq(E(V(y)) - V(next))",                                yours        },
    {"-2*sq(Jmodel) + 3.385",                                           Jmodel       },
    {"(r - 0.2)*gamma",                                                 reward       },
    {"exp(V(s)/3)",                                                     value_here   },
    {"occupancy*r",                                                     occupied     },
    {"A(s,a)",                                                          lead         },
    {"A(next,a)",                                                       lead_next    },
    {"E(sq(A(y,a)))",                                                   lead_y       },
    {"logpi(stop(next),a)",                                             policy_next  },
    {"sq(E(logpi(y,a)))",                                               policy_y     },
    {"E(Q(s,a)*V(y) + 1.3)",                                            rowwise      },
    {"log(1.385 + sq(E(exp(-abs(V(y) - V(next)))*r)))",                 pairwise     },
    {"(3.1 + E(V(y)))^-1.7",                                            power        },
    {"E(V(y))^2/(1 + r^2)",                                             square_power },
    {"sqrt(7.7 + E(V(y)))",                                             root         },
    {"min(E(V(y)), V(next) + 0.11) + max(E(V(y)), Ed(V(next)) - 0.03)",
     smaller                                                                         },
    {"clip(E(V(y)), -0.3, 0.7)",                                        clipped      },
    {"relu(E(V(y)) - 0.45) - r",                                        rectified    },
    {"-Var(V(y))",                                                      Var_V        },
    {"Var(V(y)*r + Q(s,a))",                                            Var_pair     },
    {"(2.385 + Var(r))*logp",                                           Var_none     },
    {"E(r)*logp",                                                       mean_none    },
    {"E(abs(V(y) - E(V(y)) + 0.07)*V(next))",                           nested       },
    {"E(V(y)*logp)",                                                    logp_inside  },
    {"-Ed(sq(E(V(y)) - V(next)))",                                      data_of_model},
    {"-sq(mean(E(V(y)) - V(next)))",                                    moments      },
    {"(logp - mean(sq(E(V(y)) - Ed(V(next))))/(0.3 + mean(Var(V(y)))))"
     "*mean(mean(r))",                                             moment_ratio },
    {"-E(sq(V(y) - Ed(V(next))))",                                      data_inside  },
    {"-sq(E(V(y)) - stop(E(V(y))) + V(next))*stop(E(V(y)))",            held_mean    },
    {"exp(stop(logp))*logp",                                            held_logp    },
    {"E(sq(V(y) - stop(E(V(y)))))",                                     held_inside  },
    {"-(r*-(E(V(y))*Q(s,a)))*logp",                                     factors      },
    {"r/(4.4 + E(V(y))) + 1",                                           quotient     },
    {"dot(E(y) - s, next + 0.5)",                                       displacement },
    {"-E(distance(y, next))",                                           far          },
    {"-distance(E(y), next + 0.1)*distance(s, next)",                   near         },
    {"sum(normalize(E(y) - 0.21))",                                     direction    },
    {"sum(sq(E(gradV(y)) - gradV(s)))",                                 slopes       },
    {"dot(E(y) - mean(next), next)",                                    centred      },
    {"sum(Var(y))",                                                     spread       },
    {"sq(E(V_target(y)) - V_target(next)) + V_target(s)",               target_copy  },
    {"-sq(E(V_then(y)) - V_then(next)) + V_then(s)",                    regression   },
    {"roll(3, sq(V(y) + 0.3)) - r",                                     program_rolled},
    {"roll(1, V(y))",                                                   rolled_once  },
    {"-sum(sq(roll(2, y) - next))",                                     program_rolled_far},
    {"-sq(Epi(rhat + gamma*E(V(y)) - Ed(V(next)) + Q(s,a)))",           policy_mean  },
    {"-sq(T(3, sq(V(y) + 0.3)) - r)",                                   program_order_three},
    {"sq(Td(3, sq(V(y) + 0.3)))*rhat",                              program_order_three_in_data},
    {"T(1, V(y)) - Td(1, V(y))",                                        program_order_one},
    {"-0.5*sum(sq(E(y) - next))",                                       program_mse  },
    {"-0.5*sq(rhat + gamma*E(V(y)) - (r + gamma*V(next)))",
     program_value_equivalence                                                       },
    {"-0.5*sq(E(V_then(y)) - V_then(next))",                            program_vtr  },
    {"-0.5*sq(dot(stop(gradV(next)), E(y) - next))",
     program_vagram_unbounded                                                        },
    {"-E(abs(V(y) - V(next)))",                                         program_l1_sampled},
    {"-abs(E(V(y)) - V(next))",                                         program_lamps_mm},
    {"-abs(mean(E(V(y)) - V(next)))",                                   program_mml_uniform},
    {"-0.5*sq(Q(s,a) - (r + gamma*V_target(next)))",                    program_omd_target},
};

const size_t program_cases_count = sizeof program_cases / sizeof *program_cases;

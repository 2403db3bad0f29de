/* inference/transition/robust.c -- the worst q in a ball around p, row by row.
 *
 *   ce = gamma min E_q V   over q << p with D(q, p) <= radius
 * kl  D = KL(q || p):  q ~ p exp(-x V), and KL(q || p), which rises with x, is
 * the radius at the x sought. b = gamma / x is the constraint's multiplier: ce
 * = max over b >= 0 of -b radius - b log E_p exp(-gamma V / b) tv  D = sum |q -
 * p| / 2: mass `radius` goes from the best successors to the worst. The
 * multiplier is gamma (V at the margin - V of the worst), from the right where
 * it jumps. A ball that holds p given the worst successors alone has these as
 * q, and the multiplier 0. Successors of equal value keep their shares under
 * both. A row that sums to less than 1 is normalised first; one without mass is
 * worth 0.
 *
 * No scratch: each row is gone through again and again, some 5 times (kl; at
 * most ROUNDS), or as often as a bisection over its values takes (tv; at most
 * 128).
 */
#include <float.h>
#include <gsl/gsl_sf_log.h>
#include <math.h>

#include "inference/core/explog.h"
#include "inference/transition.h"

/* PIECE: so many entries of a row are worked on at a time. */
enum { ROUNDS = 300, PIECE = 512 };

/* x beyond which q has left all but the worst successors. */
static const double steepest = 1e300;

/* Entries of a row in work: shares of p, and heights. p = 0 stands at 0. */
typedef struct piece {
    double p[PIECE], h[PIECE];
} piece;

/* A row, its values in units of its own: 0 is the worst of its support's, 1 the
 * best. */
typedef struct unit_row {
    const elbo_kernel *p;
    const double *V;
    size_t row, begin, end;
    double worst, span; /* value = worst + span * height */
    double mass;        /* of p */
    double bottom;      /* share of p at height 0 */
    piece *now;         /* the whole row, where it is short */
} unit_row;

static void fill(const unit_row *r, size_t begin, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        const double p = r->p->prob[begin + k];
        const double v = r->V[elbo_successor(r->p->pattern, r->row, begin + k)];
        const bool in = p > 0 && r->span > 0;

        r->now->p[k] = p > 0 ? p / r->mass : 0;
        r->now->h[k] = in ? (v - r->worst) / r->span : 0;
    }
}

/* The entries from `begin` on into r->now; how many. */
static size_t load(const unit_row *r, size_t begin)
{
    const size_t n = r->end - begin < PIECE ? r->end - begin : PIECE;

    if (r->end - r->begin > PIECE) fill(r, begin, n);
    return n;
}

static unit_row unit_of(const elbo_kernel *p, const double V[], size_t row,
                        piece *now)
{
    unit_row r = {.p = p,
                  .V = V,
                  .row = row,
                  .begin = elbo_row_begin(p->pattern, row),
                  .end = elbo_row_end(p->pattern, row),
                  .now = now};
    double low = HUGE_VAL, high = -HUGE_VAL;

    for (size_t i = r.begin; i < r.end; i++) {
        const double v = V[elbo_successor(p->pattern, row, i)];

        if (!(p->prob[i] > 0)) continue;
        r.mass += p->prob[i];
        if (v < low || isnan(v)) low = v;
        if (v > high || isnan(v)) high = v;
    }
    if (r.mass > 0) {
        r.worst = low;
        r.span = high - low;
    }
    if (r.end - r.begin <= PIECE) fill(&r, r.begin, r.end - r.begin);
    for (size_t i = r.begin, n; i < r.end; i += n) {
        n = load(&r, i);
        for (size_t k = 0; k < n; k++)
            if (now->h[k] == 0) r.bottom += now->p[k];
    }
    return r;
}

/* ---- kl ---- */

/* Of q ~ p exp(-x height). */
typedef struct moments {
    double Z;      /* E_p exp(-x h) */
    double excess; /* Z - 1, free of cancellation */
    double above;  /* the part of Z above height 0 */
    double mean, variance;
} moments;

static moments moments_at(const unit_row *r, double x)
{
    double excess = 0, above = 0, first = 0, second = 0;
    double w[PIECE], minus_one[PIECE];

    for (size_t i = r->begin, n; i < r->end; i += n) {
        const double *p = r->now->p, *h = r->now->h;

        n = load(r, i);
        for (size_t k = 0; k < n; k++) w[k] = -x * h[k];
        elbo_exp_all(n, w, minus_one);
        for (size_t k = 0; k < n; k++) {
            const double q = p[k] * w[k];

            excess += p[k] * minus_one[k];
            above += h[k] > 0 ? q : 0;
            first += q * h[k];
            second += q * h[k] * h[k];
        }
    }

    const double Z = r->bottom + above, mean = first / Z;

    return (moments){Z, excess, above, mean, fmax(second / Z - mean * mean, 0)};
}

/* (1 + w) log(1 + w) - w, w > -1: what p (1 + w) adds to the KL. */
static double curve(double w)
{
    gsl_sf_result less; /* log(1 + w) - w */

    if (fabs(w) < 0.5 && gsl_sf_log_1plusx_mx_e(w, &less) == 0)
        return (1 + w) * less.val + w * w;
    return w > -1 ? (1 + w) * log1p(w) - w : 1;
}

/* KL(q || p). Where it is small its two parts cancel: it is then summed up of
 * what each successor adds, none of it negative. */
static double divergence(const unit_row *r, const moments *m, double x)
{
    const double kl = -x * m->mean - elbo_log_near(m->Z, m->excess);
    double sum = 0;

    if (kl > 1e-4) return kl;
    for (size_t i = r->begin, n; i < r->end; i += n) {
        n = load(r, i);
        for (size_t k = 0; k < n; k++) {
            double minus_one;

            (void)elbo_exp(-x * r->now->h[k], &minus_one);
            sum +=
                r->now->p[k] * curve((minus_one - m->excess) / (1 + m->excess));
        }
    }
    return sum;
}

/* What is left to -log(bottom), the KL at x = inf. */
static double remainder_of(const unit_row *r, const moments *m, double x)
{
    return x * m->mean + log1p(m->above / r->bottom);
}

/* Newton's next x for KL = radius, in log KL over log x or, far out, in the log
 * of the remainder over x: both are nearly straight. *over: x is too large. */
static double newton(const unit_row *r, double x, double radius, bool *over)
{
    const double left = -log(r->bottom) - radius;
    const moments m = moments_at(r, x);

    if (radius > left) {
        const double rest = remainder_of(r, &m, x);

        *over = rest < left;
        return x + log(rest / left) * rest / (x * m.variance);
    }

    const double kl = divergence(r, &m, x);

    *over = kl > radius;
    return x * exp(log(radius / kl) * kl / (x * x * m.variance));
}

static double between(double low, double high)
{
    if (isinf(high)) return 8 * low;
    return low > 0 ? sqrt(low) * sqrt(high) : high / 8;
}

/* x at which KL(q || p) = radius; inf where the ball holds q without any mass
 * above height 0. */
static double tilt_of_radius(const unit_row *r, double radius)
{
    double low = 0, high = HUGE_VAL, x;

    if (!(radius > 0)) return 0;
    if (!(radius < -log(r->bottom))) return HUGE_VAL;
    x = fmin(sqrt(2 * radius / moments_at(r, 0).variance), steepest);
    for (size_t i = 0; i < ROUNDS && x < steepest; i++) {
        bool over;
        double next = newton(r, x, radius, &over);

        if (fabs(next - x) <= 4 * DBL_EPSILON * x) return next;
        if (over)
            high = x;
        else
            low = x;
        if (!(next > low && next < high)) next = between(low, high);
        if (high * (1 - 4 * DBL_EPSILON) <= low) return next;
        x = next;
    }
    return x < steepest ? x : HUGE_VAL;
}

/* ---- tv ---- */

/* A row cut at height t. */
typedef struct cut {
    double over;        /* share of p above t */
    double under, next; /* the nearest heights: largest <= t, smallest > t */
} cut;

static cut cut_at(const unit_row *r, double t)
{
    cut c = {0, 0, HUGE_VAL};

    for (size_t i = r->begin, n; i < r->end; i += n) {
        n = load(r, i);
        for (size_t k = 0; k < n; k++) {
            const double h = r->now->h[k];
            const bool over = h > t;

            c.over += over ? r->now->p[k] : 0;
            c.next = over && h < c.next ? h : c.next;
            c.under = !over && h > c.under ? h : c.under;
        }
    }
    return c;
}

/* A number in [low, high) half-way up: as numbers, or as the integers of their
 * bits, which are ordered alike and are soon spent. */
static double halfway(double low, double high, bool bits)
{
    const uint64_t a = elbo_bits(low), b = elbo_bits(high);
    const double t =
        bits ? elbo_from_bits(a + (b - a) / 2) : low + (high - low) / 2;

    return t < high ? t : low;
}

/* The smallest height above which p has no more than `radius`. */
static double margin(const unit_row *r, double radius)
{
    cut c = cut_at(r, 0);
    double low = c.next, high = 1; /* heights of the row, both */

    if (!(c.over > radius)) return 0;
    for (bool bits = false; low < high; bits = !bits) {
        c = cut_at(r, halfway(low, high, bits));
        if (c.over > radius)
            low = c.next;
        else
            high = c.under;
    }
    return high;
}

/* ---- both ---- */

/* The worst q of a row: p times a factor that its height decides. */
typedef struct answer {
    elbo_ball ball;
    double x, Z;                     /* kl */
    double level, at_level, at_zero; /* tv: above the level the factor is 0 */
} answer;

static answer answer_of(const elbo_tilt *tilt, const unit_row *r)
{
    answer a = {.ball = tilt->ball, .Z = 1, .at_level = 1, .at_zero = 1};

    if (!(r->span > 0)) return a;
    if (tilt->ball == ELBO_BALL_KL) {
        a.x = tilt_of_radius(r, tilt->radius);
        a.Z = isinf(a.x) ? r->bottom : moments_at(r, a.x).Z;
        return a;
    }
    a.level = margin(r, tilt->radius);
    if (!(a.level > 0)) {
        a.at_zero = 1 / r->bottom;
        return a;
    }

    double at = 0, over = 0;

    for (size_t i = r->begin, n; i < r->end; i += n) {
        n = load(r, i);
        for (size_t k = 0; k < n; k++) {
            over += r->now->h[k] > a.level ? r->now->p[k] : 0;
            at += r->now->h[k] == a.level ? r->now->p[k] : 0;
        }
    }
    a.at_level = 1 - (tilt->radius - over) / at;
    a.at_zero = 1 + tilt->radius / r->bottom;
    return a;
}

static double factor(const answer *a, double h)
{
    double minus_one;

    if (a->ball == ELBO_BALL_KL)
        return (h > 0 ? elbo_exp(-a->x * h, &minus_one) : 1) / a->Z;
    if (!(h > 0)) return a->at_zero;
    if (h < a->level) return 1;
    return h > a->level ? 0 : a->at_level;
}

static void expect(const elbo_tilt *tilt, const elbo_kernel *p,
                   const double V[], size_t first, size_t last, double out[])
{
    piece now;

    for (size_t row = first; row < last; row++) {
        const unit_row r = unit_of(p, V, row, &now);
        const answer a = answer_of(tilt, &r);
        double mean = 0;

        for (size_t i = r.begin, n; i < r.end; i += n) {
            n = load(&r, i);
            for (size_t k = 0; k < n; k++)
                mean += now.p[k] * factor(&a, now.h[k]) * now.h[k];
        }
        out[row - first] = tilt->gamma * (r.worst + r.span * mean);
    }
}

static void posterior(const elbo_tilt *tilt, const elbo_kernel *p,
                      const double V[], size_t first, size_t last, double q[])
{
    piece now;

    for (size_t row = first; row < last; row++) {
        const unit_row r = unit_of(p, V, row, &now);
        const answer a = answer_of(tilt, &r);

        for (size_t i = r.begin, n; i < r.end; i += n) {
            n = load(&r, i);
            for (size_t k = 0; k < n; k++)
                q[i + k] = now.p[k] > 0 ? now.p[k] * factor(&a, now.h[k]) : 0;
        }
    }
}

/* What the margin gains from a little of p at height h, in units of the span:
 * by the envelope theorem the constraint moves with p, its multiplier stays. kl
 * -q / (p x)        tv  h - level, below the level */
static double gain(const answer *a, double h)
{
    if (a->ball == ELBO_BALL_TV) return fmin(h - a->level, 0);
    return a->x > 0 && isfinite(a->x) ? -factor(a, h) / a->x : 0;
}

/* d ce / dp = gamma span (gain - E_p gain) / mass: rows are normalised. */
static void slopes(const elbo_tilt *tilt, const elbo_kernel *p,
                   const double V[], size_t first, size_t last, double out[])
{
    piece now;

    for (size_t row = first; row < last; row++) {
        const unit_row r = unit_of(p, V, row, &now);
        const answer a = answer_of(tilt, &r);
        double mean = 0;

        for (size_t i = r.begin, n; i < r.end; i += n) {
            n = load(&r, i);
            for (size_t k = 0; k < n; k++) {
                out[i + k] = r.span > 0 ? gain(&a, now.h[k]) : 0;
                mean += now.p[k] * out[i + k];
            }
        }
        for (size_t i = r.begin; i < r.end; i++)
            out[i] = r.mass > 0
                         ? tilt->gamma * r.span * (out[i] - mean) / r.mass
                         : 0;
    }
}

/* Of the constraint: what a little more radius costs. At radius 0 of kl there
 * is none, and it counts as 0. */
static double multiplier(const elbo_tilt *tilt, const elbo_kernel *q,
                         const elbo_kernel *p, const double V[], size_t row)
{
    piece now;
    const unit_row r = unit_of(p, V, row, &now);
    const answer a = answer_of(tilt, &r);

    (void)q;
    if (a.ball == ELBO_BALL_TV) return tilt->gamma * r.span * a.level;
    return a.x > 0 ? tilt->gamma * r.span / a.x : 0;
}

static double row_kl(const elbo_tilt *tilt, const elbo_kernel *q,
                     const elbo_kernel *p, const double V[], size_t row)
{
    (void)tilt, (void)V;
    return elbo_row_kl(q, p, row);
}

static elbo_status set(const elbo_values *values, elbo_tilt *out,
                       const char **fault)
{
    out->radius = elbo_real(values, *fault = "radius");
    out->ball =
        elbo_choice_is(values, "ball", "tv") ? ELBO_BALL_TV : ELBO_BALL_KL;
    if (!(out->radius > 0)) out->kind = &elbo_transition_model;
    return ELBO_OK;
}

static bool adversarial(const elbo_tilt *tilt)
{
    (void)tilt;
    return true;
}

static const elbo_option options[] = {
    {.name = "radius",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = HUGE_VAL,
     .doc = "of the ball around each row: nats (kl), or mass that moves (tv)"},
    {.name = "ball",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "kl|tv",
     .fallback = "kl",
     .doc = "what the radius measures: KL(q || p), or sum |q - p| / 2"},
    {0},
};

static const elbo_transition_column columns[] = {
    {"robust_multiplier", multiplier},
    {"robust_kl",                   row_kl},
    {0},
};

const elbo_transition elbo_transition_robust = {
    .name = "robust",
    .source = "Nilim and El Ghaoui 2005; Iyengar 2005",
    .formula = "q = argmin E_q V in D(q, p) <= radius,  gamma E_q V",
    .doc = "the worst dynamics in a ball around the model's, row by row",
    .options = options,
    .expect = expect,
    .posterior = posterior,
    .slopes = slopes,
    .set = set,
    .adversarial = adversarial,
    .columns = columns,
};

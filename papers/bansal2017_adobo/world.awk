# awk -f world.awk: a cart on a line of 41 cells, x = -20 .. 20; it is paid
# exp(-x^2 / 8) - 0.01 u^2 to stand on top of a hill.
#   x' = x + 1.6 u + noise                      beside the hill, |x| > 6
#   x' = x + 0.6 u + 0.8 sign(x) + noise        on the hill        u = -2 .. 2
# Writes the world (transitions.csv), where it starts (initial.csv), and the features of
# a linear model: x' = x + theta_0 + theta_1 u + noise of the same size.
BEGIN {
    n = 20; sigma = 0.6
    print "state,action,probability,next_state,reward,terminated" >"transitions.csv"
    print "state,probability" >"initial.csv"
    print "state,action,next_state,feature,value" >"features.csv"
    print "state,action,next_state,feature,value" >"offsets.csv"
    for (x = -n; x <= n; x++) {
        s = x + n
        for (a = 0; a < 5; a++) {
            u = a - 2
            hill = x >= -6 && x <= 6
            m = x + (hill ? 0.6 * u + 0.8 * (x > 0) - 0.8 * (x < 0) : 1.6 * u)
            r = exp(-x * x / 8) - 0.01 * u * u
            total = 0
            for (y = -n; y <= n; y++) total += p[y] = weight(y - m)
            for (y = -n; y <= n; y++) {
                if (p[y] > 0)
                    printf "%d,%d,%.15g,%d,%.15g,0\n", s, a, p[y] / total, y + n, r >"transitions.csv"
                d = y - x
                if (d < -8 || d > 8) continue
                printf "%d,%d,%d,0,%.15g\n", s, a, y + n, d / sigma ^ 2 >"features.csv"
                printf "%d,%d,%d,1,%.15g\n", s, a, y + n, d * u / sigma ^ 2 >"features.csv"
                printf "%d,%d,%d,0,%.15g\n", s, a, y + n, -d * d / (2 * sigma ^ 2) >"offsets.csv"
            }
        }
        if (x == -16 || x == 16) print s ",0.5" >"initial.csv"
    }
}
function weight(d) { return d < -5 || d > 5 ? 0 : exp(-d * d / (2 * sigma ^ 2)) }

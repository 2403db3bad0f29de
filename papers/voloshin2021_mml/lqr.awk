# awk -f lqr.awk: x' = 0.9 x + 0.5 u + noise on the cells -10 .. 10 of width 0.2, noise
# N(0, 0.4^2); actions u of -1, 0, 1; pay -(x^2 + 0.1 u^2). The model knows this form
# but for two factors, of x and u, which it guesses to be 0.7 and 0.3 and learns, and has
# less noise, N(0, 0.2^2).
BEGIN {
    n = 21; actions = 3; model = 0.2
    print "state,action,probability,next_state,reward,terminated" >"lqr.csv"
    print "state,axis,cell" >"lqr-cells.csv"
    print "state,action,next_state,feature,value" >"lqr-features.csv"
    print "state,action,next_state,feature,value" >"lqr-offsets.csv"
    print "state,probability" >"lqr-start.csv"
    for (s = 0; s < n; s++) {
        x = (s - 10) / 5
        print s ",0," s >"lqr-cells.csv"
        if (s == 5 || s == 15) print s ",0.5" >"lqr-start.csv"
        for (a = 0; a < actions; a++) {
            u = a - 1
            all = 0
            for (t = 0; t < n; t++) all += p[t] = law((t - 10) / 5 - 0.9 * x - 0.5 * u, 0.4)
            for (t = 0; t < n; t++) {
                y = (t - 10) / 5
                if (p[t] / all > 1e-12)
                    printf "%d,%d,%.17g,%d,%.6g,0\n", s, a, p[t] / all, t, -(x * x + 0.1 * u * u) >"lqr.csv"
                printf "%d,%d,%d,0,%.6g\n", s, a, t, y * x / model ^ 2 >"lqr-features.csv"
                if (y * u) printf "%d,%d,%d,1,%.6g\n", s, a, t, y * u / model ^ 2 >"lqr-features.csv"
                if (y) printf "%d,%d,%d,0,%.6g\n", s, a, t, y * (0.7 * x + 0.3 * u - y / 2) / model ^ 2 >"lqr-offsets.csv"
            }
        }
    }
}
function law(d, width) { d /= width; return exp(-d * d / 2) }

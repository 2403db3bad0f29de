function f(a,  b) { b = (a < 0 ? -a : a) - 0.6; return 1.2 - (b > 0 ? 18 : 6)*b^2 }
function bell(m, k,  x) { x = -2 + 0.125*k; return exp(-(x - m)^2/(2*0.3^2)) }
BEGIN {
    A = 41; K = 33
    print "state,action,probability,next_state,reward,terminated" > "line.csv"
    print "state,action,reward,next_state,terminated" > "line.data.csv"
    print "state,action,next_state,feature,value" > "line.features.csv"
    for (i = 0; i < A; i++) {
        a = -1 + 0.05*i; m = f(a); Z = 0
        for (k = 0; k < K; k++) Z += bell(m, k)
        # Chebyshev polynomials of the action
        T[0] = 1; T[1] = a
        for (d = 2; d <= 6; d++) T[d] = 2*a*T[d-1] - T[d-2]
        last = K
        for (k = 0; k < K; k++) if (bell(m,k)/Z >= 1e-6) last = k
        rest = 1
        for (k = 0; k < K; k++) {
            x = -2 + 0.125*k; p = bell(m, k)/Z
            if (p >= 1e-6) { if (k == last) p = rest; else { p = sprintf("%.9f", p); rest -= p }
                printf "0,%d,%.9f,%d,0,0\n", i, p, k + 1 > "line.csv" }
            for (d = 0; d <= 6; d++) printf "0,%d,%d,%d,%.9g\n", i, k + 1, d, x*T[d] > "line.features.csv"
            printf "0,%d,%d,%d,%.9g\n", i, k + 1, 7, x*x > "line.features.csv"
            b = (a < 0 ? -a : a)
            if ((b > 0.09 && b < 0.16) || (b > 0.69 && b < 0.76))
                for (n = int(50*p + 0.5); n > 0; n--) printf "0,%d,0,%d,0\n", i, k + 1 > "line.data.csv"
        }
    }
    for (k = 0; k < K; k++) for (i = 0; i < A; i++) printf "%d,%d,1,%d,%.9g,1\n", k + 1, i, k + 1, -2 + 0.125*k > "line.csv"
    print "state,probability\n0,1" > "line.initial.csv"
}

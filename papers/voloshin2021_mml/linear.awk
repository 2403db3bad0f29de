# awk -f linear.awk: the lines of runs.txt for linear.yaml. The weight `ratio` is that of
# two Gaussians with the second moments of d, the best policy's discounted occupancy, and
# of D, which is x of 20 steps from N(0, 1) and u ~ N(0, 1).
BEGIN {
    a = 0.9; b = 0.5; w = 0.16; q = 2; r = 0.2; g = 0.9; s = 0.2
    for (i = 0; i < 1000; i++) P = q + g * a * a * P - (g * a * b * P) ^ 2 / (r + g * b * b * P)
    K = -g * a * b * P / (r + g * b * b * P)
    m = 1
    for (t = 0; t < 2000; t++) { d += (1 - g) * g ^ t * m; m = (a + b * K) ^ 2 * m + b * b * s + w }
    m = 1
    for (t = 0; t < 20; t++) { D += m / 20; m = a * a * m + b * b + w }
    # precisions of (x, u): under d, u = N(K x, s); under D, u = N(0, 1)
    ratio = sprintf("exp(%.4f*sum(sq(s)) - %.4f*sum(s)*sum(a) - %.4f*sum(sq(a)))", \
                    -(1 / d + K * K / s - 1 / D) / 2, -K / s, (1 / s - 1) / 2)
    e = "(E(V(y)) - V(next))"
    n = split("1 sum(s) sum(a) sum(sq(s)) sum(s)*sum(a) sum(sq(a))", z, " ")
    for (i = 1; i <= n; i++) all = all "-0.5*sq(mean(" z[i] "*" e "))"
    for (k = split("300 1000 3000 10000", N, " "); ++j <= k;) {
        run("mle", "logp"); run("vaml", "-0.5*sq(E(V(y)) - V(next))")
        run("flat", "-0.5*sq(mean(" e "))"); run("span", all)
        run("ratio", "-0.5*sq(mean(" ratio "*" e "))")
    }
    print "linear-guess linear.yaml model.ridge=1e12 model.spread=0 model.input_spread=0"
    print "linear-true linear-control.yaml"
}
function run(name, loss) {
    printf "linear-%s_%s linear.yaml 'inference.likelihood=%s' inference.data.steps=%s\n", name, N[j], loss, N[j]
}

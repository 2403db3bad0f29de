# awk -v world=a -v seed=1 -f cubic.awk: 20 instances of 50 resources, a state each. To
# pick a resource (an action) pays y = 10 x^3 - 6.5 x, x uniform in [-1, 1], and ends.
# The predictor of rewards is a line: features 1 and x. Data start in the first 10
# instances (start-), policies in the last 10 (initial-).
BEGIN {
    n = 20; seen = 10; actions = 50
    t = "cubic-" world ".csv"; f = "line-" world ".csv"
    print "state,action,probability,next_state,reward,terminated" >t
    print "state,action,feature,value" >f
    print "state,probability" >("start-" world ".csv")
    print "state,probability" >("initial-" world ".csv")
    state = seed * 7919 + 12345
    for (s = 0; s < n; s++) {
        for (a = 0; a < actions; a++) {
            x = sprintf("%.4f", 2 * uniform() - 1)
            print s "," a ",1," s "," sprintf("%.6g", 10 * x ^ 3 - 6.5 * x) ",1" >t
            print s "," a ",0,1" >f
            print s "," a ",1," x >f
        }
        print s "," 1 / seen >((s < seen ? "start-" : "initial-") world ".csv")
    }
}
# Park and Miller's generator: the same numbers from every awk.
function uniform() { state = (state * 16807) % 2147483647; return state / 2147483647 }

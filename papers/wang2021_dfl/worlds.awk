# awk -v world=a -v seed=1 -f worlds.awk: 16 grids of 5 x 5 side by side as one world.
# Start at the bottom left; the goal at the top right pays N(5, 1), other cells N(0, 1)
# or, with probability 0.2, N(-10, 1). A step pays for the cell it leaves; leaving the
# goal ends. Features of a cell's reward r: four noisy bends of it, and a 1. Data start
# in the first 10 grids (start-), policies in the last 6 (initial-).
BEGIN {
    n = 16; seen = 10; noise = 0.75
    split("-2 0 2 6", centre, " ")
    t = "transitions-" world ".csv"; f = "rewards-" world ".csv"
    print "state,action,probability,next_state,reward,terminated" >t
    print "state,action,feature,value" >f
    print "state,probability" >("start-" world ".csv")
    print "state,probability" >("initial-" world ".csv")
    state = seed * 7919 + 12345
    for (i = 0; i < n; i++)
        for (c = 0; c < 25; c++) {
            s = i * 25 + c; row = int(c / 5); col = c % 5
            goal = c == 4
            mean = goal ? 5 : uniform() < 0.2 && c != 20 ? -10 : 0
            r = sprintf("%.4g", mean + normal())
            for (k = 1; k <= 4; k++)
                g[k] = sprintf("%.3g", 2 / (1 + exp(-(r - centre[k]) / 2)) - 1 + noise * normal())
            for (a = 0; a < 4; a++) {
                x = row + (a == 2) - (a == 0); y = col + (a == 1) - (a == 3)
                to = x < 0 || x > 4 || y < 0 || y > 4 ? s : i * 25 + x * 5 + y
                print s "," a ",1," (goal ? s : to) "," r "," goal >t
                print s "," a ",0,1" >f
                for (k = 1; k <= 4; k++) print s "," a "," k "," g[k] >f
            }
            if (c != 20) continue
            if (i < seen) print s "," 1 / seen >("start-" world ".csv")
            else printf "%d,%.17g\n", s, 1 / (n - seen) >("initial-" world ".csv")
        }
}
# Park and Miller's generator: the same numbers from every awk.
function uniform() { state = (state * 16807) % 2147483647; return state / 2147483647 }
function normal() { return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform()) }

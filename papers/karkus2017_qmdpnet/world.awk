# awk -f world.awk: seven grids of 4 x 4 where the agent sees only which of the four
# neighbours are walls, and does not know where it starts; its exact beliefs are the
# states of the world. States: the cells of all grids, then the beliefs. A belief moves
# to one belief for each thing that may be seen next; seeing the goal is being there.
# Writes the world, where it starts (4 grids to learn in, 3 to be judged in), and the
# model: features.csv, one local kernel for all cells (a displacement into a wall is no
# outcome), mixtures.csv, a belief's rows as mixtures of its cells' rows (QMDP), and
# known.csv, the true moves as offsets of 20.
BEGIN {
    grids = 7; seen = 4; side = 4
    split("-1 0 1 0", dr, " "); split("0 1 0 -1", dc, " ")
    t = "transitions.csv"; f = "features.csv"; m = "mixtures.csv"; k = "known.csv"
    print "state,action,probability,next_state,reward,terminated" >t
    print "state,action,next_state,feature,value" >f
    print "state,action,next_state,feature,value" >k
    print "state,part,weight" >m
    for (g = 0; g < grids; g++) draw(g)
    nS = grids * side * side
    print "state,probability" >"start.csv"
    print "state,probability" >"initial.csv"
    for (g = 0; g < grids; g++) explore(g)
}
# A grid with three walls and a goal; (g, cell) as one number.
function draw(g,   i, c) {
    for (c = 0; c < 16; c++) wall[g * 16 + c] = 0
    for (i = 0; i < 3; i++) wall[g * 16 + int(uniform() * 16)] = 1
    do goal[g] = g * 16 + int(uniform() * 16); while (wall[goal[g]])
    for (c = g * 16; c < g * 16 + 16; c++) cells(c, g)
}
function cells(c, g,   a, d, to) {
    for (a = 0; a < 4; a++) {
        if (c == goal[g]) { print c "," a ",1," c ",1,1" >t; continue }
        to = wall[c] ? c : go(c, a)
        print c "," a ",1," to ",0,0" >t
        if (wall[c]) { print c "," a "," c "," a * 5 + 4 ",1" >f; continue }
        print c "," a "," c "," a * 5 + 4 ",1" >f
        for (d = 0; d < 4; d++)
            if (go(c, d) != c) print c "," a "," go(c, d) "," a * 5 + d ",1" >f
        print c "," a "," to ",0,20" >k
    }
}
function go(c, a,   r, l, to) {
    r = int(c % 16 / 4) + dr[a + 1]; l = c % 4 + dc[a + 1]
    if (r < 0 || r > 3 || l < 0 || l > 3) return c
    to = int(c / 16) * 16 + r * 4 + l
    return wall[to] ? c : to
}
function see(c, g,   a, s) {
    if (c == goal[g]) return "goal"
    for (a = 0; a < 4; a++) s = s (go(c, a) == c)
    return s
}
# The number of a belief, given counts w[cell] over the grid's cells.
function belief(g, w, total,   c, key, d) {
    d = total
    for (c = g * 16; c < g * 16 + 16; c++) d = gcd(d, w[c])
    for (c = g * 16; c < g * 16 + 16; c++) key = key " " w[c] / d
    key = g key
    if (!(key in number)) {
        number[key] = nS; at[nS] = key; sum[nS] = total / d; queue[last++] = nS++
        for (c = g * 16; c < g * 16 + 16; c++)
            if (w[c]) printf "%d,%d,%.17g\n", number[key], c, w[c] / total >m
    }
    return number[key]
}
function gcd(a, b) { return b ? gcd(b, a % b) : a }
function explore(g,   c, a, o, w, n, all, b, part, i, first, file) {
    first = last + 0; i = first; all = 0
    for (c = g * 16; c < g * 16 + 16; c++) if (!wall[c] && c != goal[g]) all++
    file = g < seen ? "start.csv" : "initial.csv"
    split("", n)
    for (c = g * 16; c < g * 16 + 16; c++) if (!wall[c] && c != goal[g]) n[see(c, g)]++
    for (o in n) {
        for (c = g * 16; c < g * 16 + 16; c++)
            w[c] = !wall[c] && c != goal[g] && see(c, g) == o ? 1 : 0
        printf "%d,%.17g\n", belief(g, w, n[o]), n[o] / all / (g < seen ? seen : grids - seen) >file
    }
    for (; i < last; i++)
        for (a = 0; a < 4; a++) {
            b = queue[i]; split(at[b], part, " "); split("", n)
            for (c = 0; c < 16; c++)
                if (part[c + 2] > 0) n[see(go(g * 16 + c, a), g)] += part[c + 2]
            for (o in n) {
                if (o == "goal") { printf "%d,%d,%.17g,%d,0,0\n", b, a, n[o] / sum[b], goal[g] >t; continue }
                for (c = g * 16; c < g * 16 + 16; c++) w[c] = 0
                for (c = 0; c < 16; c++)
                    if (part[c + 2] > 0 && see(go(g * 16 + c, a), g) == o) w[go(g * 16 + c, a)] += part[c + 2]
                printf "%d,%d,%.17g,%d,0,0\n", b, a, n[o] / sum[b], belief(g, w, n[o]) >t
            }
        }
}
function uniform() { if (!state) state = 12345; state = (state * 16807) % 2147483647; return state / 2147483647 }

# awk -f world.awk: one cliff with wind, seven times side by side, with other rewards
# each. Copy 0, the reward at hand: 1 at the far end, by the short way under the wind
# (in cells 'v' a move is pushed down with probability 0.5) or the long way round.
# Copies 1 - 6, rewards that may come: 1 at the end of a calm ledge above pits (row 7),
# or x at the top left: x = 0.15, 0.2, 0.25 to learn from, 0.18, 0.22, 0.28 to test.
# Leaving a paying cell ends, a pit ends. The model has one wind for all cells: two
# numbers for all copies (features.csv, offsets.csv: theta = 0 is a wind of 0.047).
BEGIN {
    rows = split("............/............/..########../..########../..vvvvvvvv../S.PPPPPPPP../.###########/......######/..PPP.######", map, "/")
    cols = 12; copies = 7
    split("0 0.15 0.2 0.25 0.18 0.22 0.28", x, " ")
    split("-1 0 1 0", dr, " "); split("0 1 0 -1", dc, " ")
    t = "transitions.csv"; f = "features.csv"; o = "offsets.csv"
    print "state,action,probability,next_state,reward,terminated" >t
    print "state,action,next_state,feature,value" >f
    print "state,action,next_state,feature,value" >o
    for (c = 0; c < rows * cols; c++) number[c] = cell(c) == "#" ? -1 : n++
    for (k = 0; k < copies; k++)
        for (c = 0; c < rows * cols; c++)
            if (cell(c) != "#") for (a = 0; a < 4; a++) outcomes(k, c, a)
    head = "state,probability"
    print head >"seen.csv"; print head >"robust.csv"; print head >"unseen.csv"
    s = number[60]
    print s ",1" >"seen.csv"
    print s ",0.5" >"robust.csv"
    for (k = 1; k <= 3; k++) printf "%d,%.17g\n", s + k * n, 0.5 / 3 >"robust.csv"
    for (k = 4; k <= 6; k++) printf "%d,%.17g\n", s + k * n, 1 / 3 >"unseen.csv"
}
function pays(k, c) { return k == 0 ? (c == 71) : c == 89 ? 1 : c == 0 ? x[k + 1] : 0 }
function outcomes(k, c, a,   pair, to, down, p) {
    pair = number[c] + k * n "," a ","
    if (pays(k, c) > 0 || cell(c) == "P") {
        print pair "1," number[c] + k * n "," pays(k, c) ",1" >t
        return
    }
    to = move(c, a); down = move(to, 2)
    p = cell(c) == "v" && down != to ? 0.5 : 0
    print pair 1 - p "," number[to] + k * n ",0,0" >t
    if (p > 0) print pair p "," number[down] + k * n ",0,0" >t
    print pair number[to] + k * n "," (a % 2 ? 0 : 1) ",0" >f
    if (down == to) return
    print pair number[down] + k * n "," (a % 2 ? 0 : 1) ",1" >f
    print pair number[down] + k * n ",0,-3" >o
}
function cell(c) { return substr(map[int(c / cols) + 1], c % cols + 1, 1) }
function move(c, a,   y, z) {
    y = int(c / cols) + dr[a + 1]; z = c % cols + dc[a + 1]
    if (y < 0 || y >= rows || z < 0 || z >= cols || cell(y * cols + z) == "#") return c
    return y * cols + z
}

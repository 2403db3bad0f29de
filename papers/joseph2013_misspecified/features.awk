# awk -f features.awk: features.csv and offsets.csv, one wind for all cells of
# cliff.yaml's map. Every move ends where it is meant to (logit 0), or one cell further
# down (feature 0 for sideways moves, 1 for the others; offset -3: theta = 0 is a wind
# of 0.047). Goal and pits are known rows.
BEGIN {
    rows = split("............/............/..########../..########../..vvvvvvvv../S.PPPPPPPP.G", map, "/")
    cols = length(map[1])
    split("-1 0 1 0", dr, " "); split("0 1 0 -1", dc, " ")
    for (r = 0; r < rows; r++)
        for (c = 0; c < cols; c++)
            state[r * cols + c] = cell(r, c) == "#" ? -1 : n++
    print "state,action,next_state,feature,value" >"features.csv"
    print "state,action,next_state,feature,value" >"offsets.csv"
    for (r = 0; r < rows; r++)
        for (c = 0; c < cols; c++)
            for (a = 0; a < 4 && index("#PG", cell(r, c)) == 0; a++) {
                to = move(r, c, a)
                down = move(int(to / cols), to % cols, 2)
                pair = state[r * cols + c] "," a ","
                k = a % 2 ? 0 : 1
                print pair state[to] "," k ",0" >"features.csv"
                if (down == to) continue
                print pair state[down] "," k ",1" >"features.csv"
                print pair state[down] ",0,-3" >"offsets.csv"
            }
}
function cell(r, c) { return substr(map[r + 1], c + 1, 1) }
function move(r, c, a,   x, y) {
    x = r + dr[a + 1]; y = c + dc[a + 1]
    if (x < 0 || x >= rows || y < 0 || y >= cols || cell(x, y) == "#") return r * cols + c
    return x * cols + y
}

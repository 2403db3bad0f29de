# papers.awk -- papers/survey.csv to the C table elbo_papers[]. Commas, and quotes
# doubled, may stand in a quoted field. A wrong line is an error with its place.

function fail(text) {
    print FILENAME ":" FNR ": " text > "/dev/stderr"
    failed = 1
    exit 1
}

# Cut `line` into field[1..n]; returns n.
function cut(line, field,    n, i, c, quoted, text) {
    n = 0; text = ""; quoted = 0
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        if (quoted && c == "\"" && substr(line, i + 1, 1) == "\"") {
            text = text c; i++
        } else if (c == "\"") {
            quoted = !quoted
        } else if (c == "," && !quoted) {
            field[++n] = text; text = ""
        } else
            text = text c
    }
    if (quoted) fail("a quote is not closed")
    field[++n] = text
    return n
}

function literal(text) {
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    return "\"" text "\""
}

BEGIN {
    split("category,name,citation,id,leads,setting,folder,verdict", key, ",")
    n = split("distribution correction,control as inference,value equivalence," \
              "differentiable planning,outside the survey,of this project",
              list, ",")
    for (i = 1; i <= n; i++) rank[list[i]] = i
    n = split("reproduced,in part,not reproduced,later,not here yet,-", list, ",")
    for (i = 1; i <= n; i++) verdict[list[i]] = 1
    n = split("weight,likelihood,transition,gradient,control,-", list, ",")
    for (i = 1; i <= n; i++) slot[list[i]] = 1
    print "/* Made from papers/survey.csv by papers.awk. */"
    print "#include \"inference/program/papers.h\"\n"
    print "const elbo_paper elbo_papers[] = {"
}

{
    n = cut($0, f)
    if (n != 8) fail(n " fields, not 8 (a comma wants the field in quotes)")
    for (i = 1; FNR == 1 && i <= 8; i++)
        if (f[i] != key[i]) fail("column " i " is " f[i] ", not " key[i])
    if (FNR == 1) next
    if (!(f[1] in rank)) fail("unknown category: " f[1])
    if (rank[f[1]] < last) fail("categories are grouped, in the survey's order")
    if (f[2] !~ /^[A-Za-z0-9_-]+$/) fail("a name is one word: " f[2])
    if (f[2] in seen) fail("twice: " f[2])
    if (!(f[5] in slot)) fail("unknown slot: " f[5])
    if (!(f[8] in verdict)) fail("unknown verdict: " f[8])
    if (f[7] == "" && f[8] ~ /reproduced|in part/) fail("a verdict without a folder")
    seen[f[2]] = 1
    last = rank[f[1]]
    print "    {"
    for (i = 1; i <= 8; i++) print "     ." key[i] " = " literal(f[i]) ","
    print "    },"
}

END {
    if (failed) exit 1
    print "    {0},\n};"
}

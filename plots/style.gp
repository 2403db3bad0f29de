# plots/style.gp -- the look that all figures share.
#
# Colours are those of Okabe and Ito, told apart also by colour-blind readers;
# letters stay readable when the figure is one text column wide.

set encoding utf8
set datafile commentschars '#'

array colour[7] = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', \
                   '#56B4E9', '#000000']
colour_of(i) = colour[1 + (i - 1) % 7]
dash_of(i) = 1 + int((i - 1) / 7)

# The three forms of a figure: 'svg', 'png', and 'txt' for a terminal.
forms = 'svg png txt'
terminal(form, wide, high) = form eq 'svg' ? \
    sprintf("set terminal svg noenhanced size %d,%d dynamic font 'sans-serif,18' background '#ffffff' linewidth 1.2", wide, high) \
    : form eq 'png' ? \
    sprintf("set terminal pngcairo noenhanced size %d,%d font 'sans-serif,32' linewidth 2.4", 2 * wide, 2 * high) \
    : "set terminal dumb noenhanced mono 79 24"

set border 3 linecolor '#444444'
set tics nomirror out scale 0.6 textcolor '#222222'
set grid ytics linecolor '#e4e4e4' linewidth 0.8
set format y '%.6g'
set format x '%.5g'
set style fill transparent solid 0.22 noborder
set key above vertical left Left reverse samplen 2 spacing 1.1 textcolor '#222222'
set xlabel 'iteration' offset 0,0.3
set rmargin 3

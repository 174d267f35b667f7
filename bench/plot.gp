# Draws bench/results.svg, the picture in README: how many times as fast as others, by work.
set terminal svg size 900,340 font "sans-serif,14"
set output output
set title "Times as fast as others at the same work, on packets of 64 bytes"
set style fill solid 0.9 noborder
set boxwidth 0.5
set xrange [-0.6:4.6]
stats data using 2 nooutput
set yrange [0:STATS_max * 1.15]
set grid ytics lc rgb "#dddddd"
set xtics scale 0
set key off
set bmargin 4
plot data using 0:2:xtic(1) with boxes lc rgb "#2a6f97", \
     data using 0:2:(sprintf("%.1f", $2)) with labels offset 0, 0.8, \
     1 lc rgb "#c1121f" dt 2

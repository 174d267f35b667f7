# Draws bench/results.svg: the ratio of C's time to ours, by work, with what is asked for.
set terminal svg size 900,420 font "sans-serif,13"
set output output
set title "C program with libpcap: its time divided by ours (higher is faster)"
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set boxwidth 0.9
set yrange [0:*]
set grid ytics lc rgb "#dddddd"
set xtics rotate by -20 scale 0
set key top right
set bmargin 6
plot data using 2:xtic(1) title "ours" lc rgb "#2a6f97", \
     data using 3 title "at least" lc rgb "#bbbbbb", \
     1 title "C" lc rgb "#c1121f" dt 2

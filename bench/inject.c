/* What a C program does to send: inject DEVICE COUNT, a loop of pcap_inject. Prints the seconds. */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    static u_char packet[64] = {255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};
    char errbuf[PCAP_ERRBUF_SIZE];

    if (argc != 3)
        return 2;
    pcap_t *p = pcap_open_live(argv[1], 65535, 0, 10, errbuf);
    if (p == NULL)
        return 1;
    double start = now();
    for (long i = atol(argv[2]); i > 0; i--)
        if (pcap_inject(p, packet, sizeof packet) < 0)
            return 1;
    printf("%.6f\n", now() - start);
    return 0;
}

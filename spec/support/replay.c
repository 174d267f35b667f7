/* Sends a savefile's packets: replay FILE DEVICE PACKETS-A-SECOND. Prints how many it sent, and how
 * many a second. A program in C, so that specs do not count by what they test. */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void wait_until(double moment) {
    double pause = moment - now();
    /* Short pauses add up until one is worth a sleep. */
    if (pause > 100e-6) {
        struct timespec time = {.tv_sec = (time_t)pause};
        time.tv_nsec = (long)((pause - (double)time.tv_sec) * 1e9);
        nanosleep(&time, NULL);
    }
}

int main(int argc, char **argv) {
    char error[PCAP_ERRBUF_SIZE] = "wrong arguments";
    pcap_t *file = argc == 4 ? pcap_open_offline(argv[1], error) : NULL;
    pcap_t *device = file != NULL ? pcap_open_live(argv[2], 64, 0, 1000, error) : NULL;
    if (device == NULL) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    double pps = atof(argv[3]);
    double start = now();
    long sent = 0;
    struct pcap_pkthdr *header;
    const unsigned char *data;
    while (pcap_next_ex(file, &header, &data) == 1) {
        wait_until(start + (double)sent / pps);
        while (pcap_inject(device, data, header->caplen) < 0) {
            if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR) {
                fprintf(stderr, "%s\n", pcap_geterr(device));
                return 1;
            }
            wait_until(now() + 0.001); /* its queue is full */
        }
        sent++;
    }
    printf("%ld %.0f\n", sent, (double)sent / (now() - start));
    return 0;
}

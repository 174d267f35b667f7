/*
 * What a C program does with libpcap: peer loop|copy FILE [EXPRESSION], peer live DEVICE BUFFER, or
 * with read(2) alone: peer read FILE. Prints the packets seen.
 */
#include <fcntl.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static unsigned long packets, sum;

static void touch(u_char *user, const struct pcap_pkthdr *header, const u_char *data) {
    (void)user;
    packets++;
    sum += header->caplen + data[0];
}

static int floor_of(const char *fname) {
    static char block[131072];
    int fd = open(fname, O_RDONLY);
    while (read(fd, block, sizeof block) > 0)
        sum += (unsigned char)block[0];
    printf("0 %lu\n", sum);
    return close(fd);
}

static double cpu_seconds(void) {
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* Captures until a second has passed without a packet, once there were some. Prints the packets and
 * the seconds on a CPU. */
static int live(const char *device, int buffer_size) {
    char errbuf[PCAP_ERRBUF_SIZE];
    pcap_t *p = pcap_create(device, errbuf);
    if (p == NULL || pcap_set_snaplen(p, 65535) || pcap_set_timeout(p, 40) ||
        pcap_set_buffer_size(p, buffer_size) || pcap_activate(p) || pcap_setnonblock(p, 1, errbuf))
        return 1;
    double before = cpu_seconds();
    struct pollfd ready = {.fd = pcap_get_selectable_fd(p), .events = POLLIN};
    int quiet = 0;
    puts("ready");
    fflush(stdout);
    while (!quiet || packets == 0) {
        if (pcap_dispatch(p, -1, touch, NULL) == 0)
            quiet = poll(&ready, 1, 1000) == 0;
    }
    printf("%lu %f\n", packets, cpu_seconds() - before);
    pcap_close(p);
    return 0;
}

int main(int argc, char **argv) {
    char errbuf[PCAP_ERRBUF_SIZE];
    struct bpf_program program;

    if (argc < 3)
        return 2;
    if (strcmp(argv[1], "read") == 0)
        return floor_of(argv[2]);
    if (strcmp(argv[1], "live") == 0)
        return argc < 4 ? 2 : live(argv[2], atoi(argv[3]));
    pcap_t *p = pcap_open_offline(argv[2], errbuf);
    if (p == NULL)
        return 1;
    if (argc > 3 && (pcap_compile(p, &program, argv[3], 1, 0) || pcap_setfilter(p, &program)))
        return 1;
    if (strcmp(argv[1], "copy") == 0) {
        pcap_dumper_t *dumper = pcap_dump_open(p, "/dev/null");
        pcap_loop(p, -1, pcap_dump, (u_char *)dumper);
        pcap_dump_close(dumper);
    } else {
        pcap_loop(p, -1, touch, NULL);
    }
    printf("%lu %lu\n", packets, sum);
    pcap_close(p);
    return 0;
}

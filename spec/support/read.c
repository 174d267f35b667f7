/*
 * Reads savefiles with libpcap alone, for the specs to compare with. Each line of stdin is a job:
 * precision ("micro" or "nano"), style ("fields" or "seconds"), filter (may be empty), path, with
 * tabs between. Prints for each its length in bytes and a line end, and then what was read:
 * every packet, and the first three endings, reading on after each. Where the file ends within a
 * packet libpcap would read on at its end: the module stays, for the file may grow, so the same
 * ending is printed again.
 */
#define _GNU_SOURCE
#include <pcap/pcap.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_packet(FILE *out, const struct pcap_pkthdr *header, const u_char *data, int nano,
                         int seconds) {
    double nsec = (double)header->ts.tv_usec * (nano ? 1 : 1000);
    if (seconds)
        fprintf(out, "packet %.17g %u %u ", (double)header->ts.tv_sec + nsec / 1e9, header->caplen,
                header->len);
    else
        fprintf(out, "packet %.0f %.0f %u %u ", (double)header->ts.tv_sec, nsec, header->caplen,
                header->len);
    fwrite(data, 1, header->caplen, out);
    fputc('\n', out);
}

static int set_filter(FILE *out, pcap_t *p, const char *expression) {
    struct bpf_program program;
    if (pcap_compile(p, &program, expression, 1, 0) != 0) {
        fprintf(out, "filter: %s\n", pcap_geterr(p));
        return -1;
    }
    pcap_setfilter(p, &program);
    pcap_freecode(&program);
    return 0;
}

/* libpcap divides by zero in some damaged pcapng files. */
static sigjmp_buf broken;

static void on_division(int number) {
    (void)number;
    siglongjmp(broken, 1);
}

static void read_file(FILE *out, const char *path, int nano, int seconds, const char *filter) {
    char errbuf[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const u_char *data;
    pcap_t *p = pcap_open_offline_with_tstamp_precision(
        path, nano ? PCAP_TSTAMP_PRECISION_NANO : PCAP_TSTAMP_PRECISION_MICRO, errbuf);
    if (p == NULL) {
        fprintf(out, "open: %s\n", errbuf);
        return;
    }
    fprintf(out, "link type %d, snaplen %d\n", pcap_datalink(p), pcap_snapshot(p));
    if (*filter == '\0' || set_filter(out, p, filter) == 0) {
        for (int endings = 0; endings < 3;) {
            int status = pcap_next_ex(p, &header, &data);
            if (status == 1) {
                print_packet(out, header, data, nano, seconds);
            } else {
                const char *ending = status == -2 ? "closed" : pcap_geterr(p);
                int times = strncmp(ending, "truncated ", 10) == 0 ? 3 - endings : 1;
                endings += times;
                for (; times > 0; times--)
                    fprintf(out, "end: %s\n", ending);
            }
        }
    }
    pcap_close(p);
}

int main(void) {
    char line[4096];
    signal(SIGFPE, on_division);
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *rest = line;
        line[strcspn(line, "\n")] = '\0';
        char *precision = strsep(&rest, "\t");
        char *style = strsep(&rest, "\t");
        char *filter = strsep(&rest, "\t");
        char *text;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        if (sigsetjmp(broken, 1) != 0)
            fputs("end: broken\n", out);
        else
            read_file(out, rest, strcmp(precision, "nano") == 0, strcmp(style, "seconds") == 0,
                      filter);
        fclose(out);
        printf("%zu\n", size);
        fwrite(text, 1, size, stdout);
        free(text);
    }
    return 0;
}

/* Writes classic savefiles: the header and packets. Tells whether a file can be added to. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "luapcap.h"

static int fail(char *errbuf, const char *problem) {
    snprintf(errbuf, PCAP_ERRBUF_SIZE, "%s", problem);
    return -1;
}

static pcap_t *open_dead(int linktype, int snaplen, unsigned int precision, char *errbuf) {
    pcap_t *p = pcap_open_dead_with_tstamp_precision(linktype, snaplen, precision);
    if (p == NULL)
        fail(errbuf, strerror(ENOMEM));
    return p;
}

/*
 * Fills in the header that libpcap writes to a savefile of a link type. Libpcap has none for some
 * link types. Returns 0, or -1 with a message in `errbuf`, of PCAP_ERRBUF_SIZE.
 */
int luapcap_savefile_header(int linktype, int snaplen, unsigned int precision,
                            luapcap_file_header *header, char *errbuf) {
    char room[sizeof *header + 1]; /* fmemopen() may add a NUL */
    pcap_dumper_t *dump = NULL;
    pcap_t *p = open_dead(linktype, snaplen, precision, errbuf);
    FILE *stream = p != NULL ? fmemopen(room, sizeof room, "wb") : NULL;
    if (stream != NULL) {
        dump = pcap_dump_fopen(p, stream);
        if (dump == NULL) {
            /* Only the link type can fail here. Libpcap leaves the stream open then. */
            fclose(stream);
            fail(errbuf, pcap_geterr(p));
        } else {
            pcap_dump_close(dump);
            memcpy(header, room, sizeof *header);
        }
    } else if (p != NULL) {
        fail(errbuf, strerror(errno));
    }
    if (p != NULL)
        pcap_close(p);
    return dump != NULL ? 0 : -1;
}

/* Whether the records of a savefile are whole up to its end. If it ended with a piece of one, what
 * is added would be read as the rest of that record. */
static int ends_whole(const char *path, char *errbuf) {
    struct pcap_pkthdr *header;
    const u_char *data;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    FILE *stream = fd >= 0 ? fdopen(fd, "rb") : NULL;
    int status;
    if (stream == NULL) {
        fail(errbuf, strerror(errno));
        if (fd >= 0)
            close(fd);
        return 0;
    }
    pcap_t *p = pcap_fopen_offline(stream, errbuf);
    if (p == NULL) {
        fclose(stream);
        return 0;
    }
    do
        status = pcap_next_ex(p, &header, &data);
    while (status == 1);
    if (status != PCAP_ERROR_BREAK)
        fail(errbuf, pcap_geterr(p));
    pcap_close(p);
    return status == PCAP_ERROR_BREAK;
}

/*
 * Whether packets can be added to the savefile at `path`. For pcap_dump_open_append() it must be of
 * the same kind, and it must end with a whole record. That function writes nothing to a file that
 * has a header. Returns 0, or -1 with a message in `errbuf`.
 */
int luapcap_savefile_takes(const char *path, int linktype, int snaplen, unsigned int precision,
                           char *errbuf) {
    pcap_t *p = open_dead(linktype, snaplen, precision, errbuf);
    if (p == NULL)
        return -1;
    pcap_dumper_t *dump = pcap_dump_open_append(p, path);
    if (dump == NULL)
        fail(errbuf, pcap_geterr(p));
    else
        pcap_dump_close(dump);
    pcap_close(p);
    return dump != NULL && ends_whole(path, errbuf) ? 0 : -1;
}

/*
 * Writes one packet, as the same bytes that pcap_dump() writes. It calls stdio once, pcap_dump()
 * twice. Returns what luapcap_dumper_write() does. The caller has checked that caplen is within the
 * snapshot length and that 32 bits hold the second.
 */
int luapcap_record_write(luapcap_dumper *dumper, const luapcap_packet *packet,
                         double nsec_per_unit) {
    struct {
        luapcap_record header;
        uint8_t data[2048];
    } whole;
    size_t size = packet->caplen;

    whole.header.sec = (int32_t)(int64_t)packet->sec;
    whole.header.fraction = (int32_t)(int64_t)(packet->nsec / nsec_per_unit);
    whole.header.caplen = (int32_t)packet->caplen;
    whole.header.wirelen = packet->wirelen;
    if (size <= sizeof whole.data) {
        if (size > 0)
            memcpy(whole.data, packet->data, size);
        return luapcap_dumper_write(dumper, &whole, sizeof whole.header + size);
    }
    if (luapcap_dumper_write(dumper, &whole.header, sizeof whole.header) != 0)
        return -1;
    return luapcap_dumper_write(dumper, packet->data, size);
}

/*
 * What Lua cannot know or do well about libpcap, as flat functions made for LuaJIT's FFI.
 *
 * lua/pcap/cdefs.lua repeats these declarations; `make abicheck` compares the two. The shim
 * holds no policy and no global state. A pointer it returns says who frees it; a pointer it is
 * given stays the caller's.
 */
#ifndef LUAPCAP_H
#define LUAPCAP_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <pcap/pcap.h>

#if defined(__GNUC__)
#define LUAPCAP_API __attribute__((visibility("default")))
#else
#define LUAPCAP_API
#endif

/*
 * One packet, its header in fields of fixed width. `sec` and `nsec` are whole numbers: doubles
 * because Lua's numbers are, and because every second and nanosecond of a savefile fits.
 * `own` is where a copied packet keeps its bytes; a packet being read has none there.
 */
typedef struct luapcap_packet {
    const uint8_t *data;
    uint32_t caplen;
    uint32_t wirelen;
    double sec;
    double nsec;
    int32_t linktype;
    uint32_t interface;
    uint32_t flags;
    uint32_t options_length;
    const uint8_t *options;
    uint8_t own[];
} luapcap_packet;

/*
 * A stretch of a savefile in memory. `bytes` has room for `size`; `len` are filled, the next
 * record starts at `pos`, and bytes[0] stands at `offset` in the file. A record is read from
 * here only when its caplen is at most `max_caplen` and its fraction of a second, counted in
 * units of `nsec_per_unit`, below `units_per_sec`; anything else is libpcap's to judge. What the
 * handle's precision cannot hold is cut off to multiples of `precision` nanoseconds.
 */
typedef struct luapcap_block {
    uint8_t *bytes;
    double offset;
    int32_t size;
    int32_t len;
    int32_t pos;
    int32_t max_caplen;
    int32_t units_per_sec;
    int32_t nsec_per_unit;
    int32_t precision;
    int32_t fd;
} luapcap_block;

/* A record's header in a savefile, in this machine's byte order. */
typedef struct luapcap_record {
    int32_t sec;
    int32_t fraction;
    int32_t caplen;
    uint32_t wirelen;
} luapcap_record;

/* A dump file and its stream's buffer. */
typedef struct luapcap_dumper luapcap_dumper;

/* Asks a waiting thread to wait: first `pause` milliseconds whatever comes, then `timeout`
 * milliseconds for a packet. */
typedef struct luapcap_wait_request {
    uint32_t pause;
    uint32_t timeout;
} luapcap_wait_request;

/* What pcap_stats() counts: packets. */
typedef struct luapcap_stat {
    double received;
    double dropped;
    double if_dropped;
} luapcap_stat;

/* A device of pcap_findalldevs()'s list, which its strings and addresses belong to. */
typedef struct luapcap_device {
    const char *name;
    const char *description; /* or NULL */
    const pcap_addr_t *addresses;
    uint32_t flags; /* PCAP_IF_* */
} luapcap_device;

/* A device's address, each part as text: "" where there is none, or none that is known here. */
typedef struct luapcap_address {
    int32_t family; /* 4, 6, 802 for a link-layer address, 0 for any other */
    char address[64];
    char netmask[64];
    char broadcast[64];
    char destination[64];
} luapcap_address;

/* Where a savefile's bytes come from when that is not simply a file. */
typedef struct luapcap_stream luapcap_stream;

/* A savefile that arrives in pieces, as libpcap reads it. */
typedef struct luapcap_feed luapcap_feed;

/* dlt.c: the DLT table */
LUAPCAP_API const char *luapcap_dlt_name(int index);
LUAPCAP_API int luapcap_dlt_value(int index);

/* read.c: packets out of a handle, live or savefile */
/* linktype.c: what libpcap makes of link types and of savefiles in memory */
LUAPCAP_API void luapcap_savefile_problem(void *bytes, size_t size, char *message);
LUAPCAP_API int luapcap_linktype(uint32_t linktype, int32_t *dlt, int32_t *max_snaplen);
LUAPCAP_API int luapcap_linktype_fix(uint32_t linktype, int swapped, luapcap_packet *packet,
                                     uint8_t *data);

LUAPCAP_API int luapcap_next(pcap_t *p, luapcap_packet *packet);
LUAPCAP_API int luapcap_block_init(pcap_t *p, luapcap_block *block);
LUAPCAP_API int luapcap_block_fill(luapcap_block *block);
LUAPCAP_API int luapcap_block_hand_over(luapcap_block *block, pcap_t *p, luapcap_packet *packet);
LUAPCAP_API int luapcap_match(const struct bpf_program *program, const uint8_t *data,
                              uint32_t caplen, uint32_t wirelen);

/* stream.c: savefiles from paths, descriptors, streams and gzip */
LUAPCAP_API pcap_t *luapcap_open_offline(const char *path, int fd, FILE *file,
                                         unsigned int precision, luapcap_stream **stream,
                                         char *errbuf);
LUAPCAP_API int luapcap_stream_next(pcap_t *p, const luapcap_stream *stream,
                                    luapcap_packet *packet);
LUAPCAP_API int luapcap_stream_fileno(const luapcap_stream *stream);
LUAPCAP_API const char *luapcap_stream_error(const luapcap_stream *stream);
LUAPCAP_API void luapcap_progress(pcap_t *p, const luapcap_stream *stream, double *position,
                                  double *size);

/* feed.c: a savefile that arrives in pieces */
LUAPCAP_API luapcap_feed *luapcap_feed_new(void);
LUAPCAP_API void luapcap_feed_free(luapcap_feed *feed);
LUAPCAP_API int luapcap_feed_add(luapcap_feed *feed, luapcap_block *block, const void *bytes,
                                 size_t size);
LUAPCAP_API void luapcap_feed_finish(luapcap_feed *feed);
LUAPCAP_API pcap_t *luapcap_feed_open(luapcap_feed *feed, luapcap_block *block,
                                      unsigned int precision, char *errbuf);
LUAPCAP_API int luapcap_feed_next(luapcap_feed *feed, luapcap_block *block, pcap_t *p,
                                  luapcap_packet *packet);

/* live.c: a live capture: waiting and counting */
LUAPCAP_API double luapcap_monotonic(void);
LUAPCAP_API int luapcap_wait(pcap_t *p, double timeout);
LUAPCAP_API double luapcap_required_timeout(pcap_t *p);
LUAPCAP_API int luapcap_stats(pcap_t *p, luapcap_stat *stat);
LUAPCAP_API int luapcap_set_protocol(pcap_t *p, int protocol);
LUAPCAP_API void luapcap_discard(pcap_t *p);

/* send.c: sending packets */
LUAPCAP_API int luapcap_inject(pcap_t *p, const void *data, size_t length);
LUAPCAP_API int luapcap_inject_all(pcap_t *p, const uint8_t *bytes, const uint32_t *lengths,
                                   int count);

/* device.c: the list of devices, flattened */
LUAPCAP_API const pcap_if_t *luapcap_device_read(const pcap_if_t *item, luapcap_device *device);
LUAPCAP_API const pcap_addr_t *luapcap_address_read(const pcap_addr_t *item,
                                                    luapcap_address *address);
LUAPCAP_API int luapcap_net_text(uint32_t net, char *text, int size);

/* fanout.c: sharing an interface's packets among captures */
LUAPCAP_API int luapcap_fanout_join(pcap_t *p, uint32_t argument, struct bpf_program *filter);

/* waiter.c: waiting for a capture in a thread, for an event loop */
LUAPCAP_API int luapcap_pair_listen(const char *folder, char *path, size_t size);
LUAPCAP_API int luapcap_pair_accept(int listener, char *path);
LUAPCAP_API void luapcap_pair_close(int fd);
LUAPCAP_API int luapcap_waiter_start(pcap_t *p, int pair);
LUAPCAP_API int luapcap_close_on_exec(pcap_t *p);
LUAPCAP_API int luapcap_take(pcap_t *p);

/* dumper.c: writing savefiles, with every write checked */
LUAPCAP_API luapcap_dumper *luapcap_dumper_open(pcap_t *p, const char *path, int fd, int append,
                                                char *errbuf);
LUAPCAP_API double luapcap_dumper_tell(luapcap_dumper *dumper);
LUAPCAP_API int luapcap_dumper_fileno(const luapcap_dumper *dumper);
LUAPCAP_API int luapcap_dumper_write(luapcap_dumper *dumper, const luapcap_packet *packet);
LUAPCAP_API int luapcap_dumper_flush(luapcap_dumper *dumper);
LUAPCAP_API int luapcap_dumper_close(luapcap_dumper *dumper);
LUAPCAP_API void luapcap_dumper_free(luapcap_dumper *dumper);
LUAPCAP_API void luapcap_now(luapcap_packet *packet);

/* Between the shim's own files. What a stream's reads count in differs between systems. */
#ifdef __linux__
typedef size_t luapcap_cookie_size;
typedef ssize_t luapcap_cookie_count;
#else
typedef int luapcap_cookie_size;
typedef int luapcap_cookie_count;
#endif
typedef luapcap_cookie_count luapcap_cookie_read(void *cookie, char *out, luapcap_cookie_size size);
typedef luapcap_cookie_count luapcap_cookie_write(void *cookie, const char *bytes,
                                                  luapcap_cookie_size size);
FILE *luapcap_cookie(void *cookie, luapcap_cookie_read *read, luapcap_cookie_write *write,
                     int (*close)(void *));
int luapcap_block_understand(pcap_t *p, const void *file_header, luapcap_block *block);
int luapcap_milliseconds(double seconds);

#endif

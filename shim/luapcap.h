/*
 * The shim: flat functions for LuaJIT's FFI, which do what Lua cannot know or do well with libpcap.
 *
 * The files below lua/pcap/ whose names end in cdefs.lua repeat these declarations. `make abicheck`
 * compares both. The shim has no policy, and no state of its own but what signal.c and errand.c
 * keep. If a function returns a pointer, its comment says who frees it. A pointer that a function
 * is given stays the caller's.
 */
#ifndef LUAPCAP_H
#define LUAPCAP_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <pcap/pcap.h>
#include "system.h"

#if defined(__GNUC__)
#define LUAPCAP_API __attribute__((visibility("default")))
#else
#define LUAPCAP_API
#endif

/*
 * One packet, with its header in fields of fixed width. `sec` and `nsec` are whole numbers. They
 * are doubles because Lua's numbers are, and because every second and nanosecond of a savefile
 * fits. `interface` counts from 1 in the source's list. `flags` are bits: 1 means that the packet
 * came in, 2 that it went out. The options of its pcapng block are the `options_length` bytes from
 * `options_start` on. A copied packet keeps its bytes in `own`. A packet that is being read has
 * none there.
 */
typedef struct luapcap_packet {
    const uint8_t *data;
    uint32_t caplen;
    uint32_t wirelen;
    double sec;
    double nsec;
    const uint8_t *options_start;
    uint32_t options_length;
    int32_t linktype; /* a DLT number */
    uint32_t interface;
    uint32_t flags;
    uint8_t own[];
} luapcap_packet;

/* What format/pcapng.lua knows of a file's interfaces. */
typedef struct luapcap_interfaces luapcap_interfaces;

/*
 * The stretch of a savefile that is in memory. `bytes` has room for `size` bytes, and `len` are
 * filled. The next record starts at `pos`. bytes[0] stands at `offset` in the file. `problem` is
 * the errno of the read that failed after these bytes, or 0.
 */
typedef struct luapcap_window {
    uint8_t *bytes;
    double offset;
    int32_t size;
    int32_t len;
    int32_t pos;
    int32_t problem;
    int32_t max_caplen;             /* of a plain record: for the format to set */
    luapcap_interfaces *interfaces; /* of a pcapng file: its format's, which keeps them alive */
} luapcap_window;

/* A record's header in a savefile, in this machine's byte order. */
typedef struct luapcap_record {
    int32_t sec;
    int32_t fraction;
    int32_t caplen;
    uint32_t wirelen;
} luapcap_record;

/* A savefile's header, in this machine's byte order. */
typedef struct luapcap_file_header {
    uint32_t magic;
    uint16_t major;
    uint16_t minor;
    int32_t zone;
    uint32_t accuracy;
    uint32_t snaplen;
    uint32_t linktype;
} luapcap_file_header;

/*
 * An interface of a pcapng file that is being written: what writing its packets needs. A time is a
 * count from `offset` seconds on, with `units` in a second. `units` is 2^power. If `power` is -1,
 * `units` is a power of ten: `nsec_per_unit` nanoseconds are `units_per_nsec` units. `first` to
 * `last` are the seconds that it can hold. `number` counts from 0 in the section.
 */
typedef struct luapcap_block_interface {
    uint64_t units;
    uint64_t units_per_nsec;
    double offset;
    double first;
    double last;
    uint32_t nsec_per_unit;
    int32_t power;
    uint32_t number;
    uint32_t longest; /* packet, in bytes */
    int32_t linktype; /* a DLT number */
} luapcap_block_interface;

/*
 * The kernel's ring that a live capture reads from. `blocks` is the mapping, or NULL if libpcap
 * reads. The kernel hands over units: blocks of many packets, or frames of one (`has_frames`).
 * There are `count` units, `per_block` in a block. `taken_at` is the unit that is being read, or
 * NULL. `at` is the next packet in a block. It and those after it are a `run` of packets that have
 * been looked at and need no change. Then come the `left` ones, which have not. `taken` counts
 * units. It was `empty_at` when the ring was last found empty. Until it is `judged_until`, `judge`
 * is the filter for packets that the kernel has let pass by another one; or it is NULL. `is_left`
 * is whether the kernel shall put no more into it. `is_cooked` is whether the kernel takes the
 * link-layer headers off. `interface` is the system's number of the interface; if it is 0, packets
 * come from any. Then `indexes` are the `known` interfaces that packets have come from, and
 * `latest` is where the latest stands. `tag_at` is where a VLAN tag goes in packets without a
 * cooked header, or 0. `loopback` is the index of lo. `time_unit` is 1 or 1000 nanoseconds.
 * `may_have_more` is whether libpcap gave a packet last: it may have read more of them at once,
 * which no descriptor shows. `rest` is how many seconds the reader lets pass between two wake-ups.
 * If `longest_stay` is more than 0, each block sets `rest` by how fast packets come: none is to
 * wait longer than that.
 */
typedef struct luapcap_judge luapcap_judge;
typedef struct luapcap_ring {
    uint8_t *blocks;
    uint8_t *taken_at;
    uint8_t *at;
    luapcap_judge *judge;
    int32_t *indexes;
    double size;
    double rest;
    double longest_stay;
    uint32_t run;
    uint32_t left;
    uint32_t index;
    uint32_t taken;
    uint32_t empty_at;
    uint32_t judged_until;
    uint32_t count;
    uint32_t block_size;
    uint32_t unit_size;
    uint32_t per_block;
    uint32_t snaplen;
    uint32_t time_unit;
    int32_t loopback;
    int32_t direction;
    int32_t has_frames;
    int32_t is_left;
    int32_t is_cooked;
    int32_t interface;
    uint32_t known;
    uint32_t latest;
    uint32_t tag_at;
    int32_t may_have_more;
} luapcap_ring;

/* A dump file and its stream's buffer. */
typedef struct luapcap_dumper luapcap_dumper;

/* The last packets, in a ring in memory; and a place in it. */
typedef struct luapcap_recorder luapcap_recorder;
typedef struct luapcap_cursor luapcap_cursor;

/* Whether a thread holds signals back, and its mask before that, a sigset_t. */
typedef struct luapcap_signals {
    uint8_t before[128];
    int32_t held;
} luapcap_signals;

/* Descriptors to wait for. */
typedef struct luapcap_descriptors {
    int32_t count;
    int32_t fds[64];
} luapcap_descriptors;

/* When a source's next packet is due, and which source that is. */
typedef struct luapcap_turn {
    double sec;
    double nsec;
    int32_t source;
} luapcap_turn;

/* What pcap_stats() counts: packets. */
typedef struct luapcap_stat {
    double received;
    double dropped;
    double if_dropped;
} luapcap_stat;

/* A device of pcap_findalldevs()'s list. The strings and addresses belong to that list. */
typedef struct luapcap_device {
    const char *name;
    const char *description; /* or NULL */
    const pcap_addr_t *addresses;
    uint32_t flags; /* PCAP_IF_* */
} luapcap_device;

/* A device's address. Each part is text: "" if there is none, or none that is known here. */
typedef struct luapcap_address {
    int32_t family; /* 4, 6, 802 for a link-layer address, 0 for any other */
    char address[64];
    char netmask[64];
    char broadcast[64];
    char destination[64];
} luapcap_address;

/* Where a savefile's bytes come from. */
typedef struct luapcap_input luapcap_input;

/* dlt.c, for dlt.lua: the DLT table */
LUAPCAP_API const char *luapcap_dlt_name(int index);
LUAPCAP_API int luapcap_dlt_value(int index);

/* linktype.c, for format/linktype.lua: what libpcap makes of link types and savefiles in memory */
LUAPCAP_API void luapcap_savefile_problem(void *bytes, size_t size, char *message);
LUAPCAP_API int luapcap_linktype(uint32_t linktype, int32_t *dlt, int32_t *max_snaplen);
LUAPCAP_API int luapcap_linktype_fix(uint32_t linktype, int swapped, luapcap_packet *packet,
                                     uint8_t *data);

/* read.c, for source/dead.lua and filter.lua: a handle's next packet, and a filter's judgement */
LUAPCAP_API int luapcap_next(pcap_t *p, luapcap_packet *packet);
LUAPCAP_API int luapcap_match(const struct bpf_program *program, const uint8_t *data,
                              uint32_t caplen, uint32_t wirelen);

/* input.c, for source/savefile.lua, and input_pieces.c, for pieces.lua: a savefile's bytes, from
 * paths, descriptors, streams and in pieces, unpacked */
LUAPCAP_API luapcap_input *luapcap_input_open(const char *path, int fd, FILE *file);
LUAPCAP_API luapcap_input *luapcap_input_of_pieces(const void *start, size_t size);
LUAPCAP_API int luapcap_input_add(luapcap_input *input, const void *bytes, size_t size);
LUAPCAP_API void luapcap_input_close(luapcap_input *input);
LUAPCAP_API int luapcap_input_fileno(const luapcap_input *input);
LUAPCAP_API int luapcap_input_waits(const luapcap_input *input);
LUAPCAP_API int luapcap_input_follow(luapcap_input *input);
LUAPCAP_API const char *luapcap_input_error(const luapcap_input *input);
LUAPCAP_API void luapcap_input_progress(const luapcap_input *input, double held, double *position,
                                        double *size);
ssize_t luapcap_input_read(luapcap_input *input, uint8_t *out, size_t size);
int luapcap_input_move(luapcap_input *input, double count);

/* window.c, for source/ and format/: the stretch of a savefile in memory, and libpcap on it */
LUAPCAP_API luapcap_window *luapcap_window_new(void);
LUAPCAP_API void luapcap_window_free(luapcap_window *window);
LUAPCAP_API int luapcap_window_fill(luapcap_window *window, luapcap_input *input);
LUAPCAP_API int luapcap_window_seek(luapcap_window *window, luapcap_input *input, double offset);
LUAPCAP_API int luapcap_window_add(luapcap_window *window, const void *bytes, size_t size);
LUAPCAP_API void luapcap_window_rest(luapcap_window *window);
LUAPCAP_API pcap_t *luapcap_window_open(luapcap_window *window, luapcap_input *input,
                                        unsigned int precision, char *errbuf);
LUAPCAP_API int luapcap_window_next(luapcap_window *window, pcap_t *p, luapcap_packet *packet);

/* wait.c, for core/signals.lua: waiting for input without losing a signal */
LUAPCAP_API double luapcap_monotonic(void);
LUAPCAP_API void luapcap_signals_hold(luapcap_signals *signals);
LUAPCAP_API void luapcap_signals_release(luapcap_signals *signals);
LUAPCAP_API int luapcap_wait_fd(int fd, double timeout, luapcap_signals *signals);
LUAPCAP_API int luapcap_wait_any(const luapcap_descriptors *descriptors, double timeout,
                                 luapcap_signals *signals);
LUAPCAP_API int luapcap_wait(pcap_t *p, double timeout, luapcap_signals *signals);
LUAPCAP_API double luapcap_required_timeout(pcap_t *p);

/* signal.c, for program/stop.lua */
LUAPCAP_API int luapcap_signal_note(int number);
LUAPCAP_API int luapcap_signal_noted(void);

/* turns.c, for source/merge.lua and merge_turns.lua: whose packet comes next */
LUAPCAP_API int32_t luapcap_turns_change(luapcap_turn *turns, int32_t count, double sec,
                                         double nsec);
LUAPCAP_API void luapcap_turns_add(luapcap_turn *turns, int32_t count, double sec, double nsec,
                                   int32_t source);
LUAPCAP_API void luapcap_turns_remove(luapcap_turn *turns, int32_t count);

/* watch.c, for source/following_watch.lua: hears of changes of a file */
LUAPCAP_API int luapcap_file_moved(const char *path, int fd);
LUAPCAP_API int luapcap_watch_open(const char *path, int fd);
LUAPCAP_API int luapcap_watch_add(int watch, int fd, int hears_writes);
LUAPCAP_API void luapcap_watch_drop(int watch, int number);
LUAPCAP_API void luapcap_watch_clear(int watch);

/* live.c, for source/live.lua, live_reading.lua, activation.lua and kernel_filter.lua: a live
 * capture */
LUAPCAP_API pcap_t *luapcap_create(const char *device, char *errbuf);
LUAPCAP_API int luapcap_close_on_exec(pcap_t *p);
LUAPCAP_API int luapcap_live_next(pcap_t *p, luapcap_ring *ring, luapcap_packet *packet);
LUAPCAP_API int luapcap_live_next_within(pcap_t *p, luapcap_ring *ring, luapcap_packet *packet,
                                         double rest, double timeout);
LUAPCAP_API int luapcap_kernel_filter(pcap_t *p);
LUAPCAP_API int luapcap_accept_all(pcap_t *p);
LUAPCAP_API void luapcap_count_on(luapcap_stat *stat, uint32_t received, uint32_t dropped,
                                  uint32_t if_dropped);
LUAPCAP_API int luapcap_stats(pcap_t *p, luapcap_stat *stat);
LUAPCAP_API int luapcap_set_protocol(pcap_t *p, int protocol);
LUAPCAP_API void luapcap_discard(pcap_t *p);

/* ring.c and ring_read.c, for source/live.lua and live_reading.lua: a live capture's ring */
int luapcap_ring_pop(luapcap_ring *ring, luapcap_packet *packet);
LUAPCAP_API void luapcap_ring_take(pcap_t *p, luapcap_ring *ring);
LUAPCAP_API void luapcap_ring_set_direction(luapcap_ring *ring, int direction);
LUAPCAP_API void luapcap_ring_release(luapcap_ring *ring);
LUAPCAP_API void luapcap_ring_free(luapcap_ring *ring);
int luapcap_ring_next(pcap_t *p, luapcap_ring *ring, luapcap_packet *packet);
int luapcap_ring_has_failed(pcap_t *p);

/* ring_workers.c, for resty/live.lua: a live capture's ring, when workers come and go */
LUAPCAP_API int luapcap_ring_resume(luapcap_ring *ring);
LUAPCAP_API int luapcap_ring_leave(luapcap_ring *ring);
LUAPCAP_API void luapcap_ring_read_open(luapcap_ring *ring);

/* ring_interface.c, for source/interfaces.lua: where packets come from */
LUAPCAP_API int luapcap_interface_name(int index, char *name, size_t size);

/* ring_filter.c, for source/kernel_filter.lua: what the kernel puts into the ring */
LUAPCAP_API int luapcap_ring_filter(pcap_t *p, luapcap_ring *ring,
                                    const struct bpf_program *program);

/* send.c, for capture/sending.lua: sending packets */
LUAPCAP_API int luapcap_inject(pcap_t *p, const void *data, size_t length);
LUAPCAP_API int luapcap_inject_all(pcap_t *p, const uint8_t *bytes, const uint32_t *lengths,
                                   int count);

/* device.c, for devices.lua and core/address.lua: the list of devices, flattened; addresses */
LUAPCAP_API const pcap_if_t *luapcap_device_read(const pcap_if_t *item, luapcap_device *device);
LUAPCAP_API const pcap_addr_t *luapcap_address_read(const pcap_addr_t *item,
                                                    luapcap_address *address);
LUAPCAP_API int luapcap_net_text(uint32_t net, char *text, int size);
LUAPCAP_API int luapcap_address_parse(const char *text, uint8_t *bytes);

/* fanout.c, for capture/fanout.lua: sharing an interface's packets among captures */
/* A capture on its way into a group. The caller sets the first two. */
typedef struct luapcap_joining {
    uint32_t argument; /* as PACKET_FANOUT takes it: type and flags above the id */
    int32_t block_ms;  /* the block timeout of the capture's ring */
    int32_t step;      /* the next one */
    int32_t tries;
    int64_t surplus; /* packets to discard that the kernel has not handed over yet */
} luapcap_joining;
LUAPCAP_API int luapcap_fanout_join(pcap_t *p, luapcap_ring *ring, luapcap_joining *joining,
                                    struct bpf_program *filter);

/* waiter.c, for resty/waiter.lua: waiting for a capture in a thread, for an event loop */
LUAPCAP_API int luapcap_pair_listen(const char *folder, char *path, size_t size);
LUAPCAP_API int luapcap_pair_accept(int listener, char *path);
LUAPCAP_API void luapcap_pair_close(int fd);
LUAPCAP_API int luapcap_pair_is_open(int fd);
LUAPCAP_API int luapcap_waiter_start(int fd, int pair);
LUAPCAP_API int luapcap_take(pcap_t *p);

/* errand.c, for resty/errand.lua: what takes long, in a thread */
typedef struct luapcap_errand luapcap_errand;
LUAPCAP_API luapcap_errand *luapcap_errand_activate(pcap_t *p, int pair);
LUAPCAP_API int luapcap_errand_take(luapcap_errand *errand);
LUAPCAP_API void luapcap_errand_leave(luapcap_errand *errand);
LUAPCAP_API void luapcap_close_aside(pcap_t *p);
int luapcap_closing_aside(void);

/* file.c, for core/in_use.lua, source/ and sink/file.lua: tells which file it is and how old, and
 * opens one to write */
LUAPCAP_API int luapcap_file_date(int fd, double *numbers);
LUAPCAP_API int luapcap_file_identity(int fd, char *text, size_t size);
LUAPCAP_API int luapcap_path_state(const char *path, char *text, size_t size);
LUAPCAP_API int luapcap_file_open(const char *path, int fd, int append, int *is_new);

/* dumper.c, for sink/: files being written, with every write checked */
LUAPCAP_API luapcap_dumper *luapcap_dumper_new(int fd);
LUAPCAP_API int luapcap_dumper_pack(luapcap_dumper *dumper, const char *name, int level,
                                    char *errbuf);
LUAPCAP_API double luapcap_dumper_to_end(luapcap_dumper *dumper);
LUAPCAP_API int luapcap_dumper_cut(luapcap_dumper *dumper, double position);
LUAPCAP_API double luapcap_dumper_tell(const luapcap_dumper *dumper);
LUAPCAP_API int luapcap_dumper_fileno(const luapcap_dumper *dumper);
LUAPCAP_API int luapcap_dumper_write(luapcap_dumper *dumper, const void *bytes, size_t size);
LUAPCAP_API int luapcap_dumper_flush(luapcap_dumper *dumper);
LUAPCAP_API int luapcap_dumper_finish(luapcap_dumper *dumper);
LUAPCAP_API int luapcap_dumper_start_thread(luapcap_dumper *dumper);
LUAPCAP_API double luapcap_dumper_waiting(const luapcap_dumper *dumper);
LUAPCAP_API double luapcap_dumper_held(const luapcap_dumper *dumper);
LUAPCAP_API const uint8_t *luapcap_dumper_bytes(const luapcap_dumper *dumper);
LUAPCAP_API void luapcap_dumper_release(luapcap_dumper *dumper, size_t count, size_t keep);
LUAPCAP_API void luapcap_dumper_break(luapcap_dumper *dumper, int error);
LUAPCAP_API int luapcap_dumper_close(luapcap_dumper *dumper);

/* record.c, for sink/classic.lua: what stands in a classic savefile */
LUAPCAP_API int luapcap_savefile_header(int linktype, int snaplen, unsigned int precision,
                                        luapcap_file_header *header, char *errbuf);
LUAPCAP_API int luapcap_savefile_takes(const char *path, int linktype, int snaplen,
                                       unsigned int precision, char *errbuf);
LUAPCAP_API int luapcap_record_write(luapcap_dumper *dumper, const luapcap_packet *packet,
                                     double nsec_per_unit);

/* block.c, for sink/pcapng_writer.lua: packets in a pcapng file */
LUAPCAP_API int luapcap_block_write(luapcap_dumper *dumper, const luapcap_packet *packet,
                                    const luapcap_block_interface *interface);
LUAPCAP_API void luapcap_block_time(const luapcap_block_interface *interface, double sec,
                                    double nsec, uint32_t *time);

/* recorder.c and cursor.c, for sink/recorder.lua: the last packets, in a ring in memory */
LUAPCAP_API luapcap_recorder *luapcap_recorder_new(double limit, double seconds);
LUAPCAP_API void luapcap_recorder_free(luapcap_recorder *recorder);
LUAPCAP_API int luapcap_recorder_add(luapcap_recorder *recorder, const luapcap_packet *packet);
LUAPCAP_API luapcap_cursor *luapcap_cursor_new(luapcap_recorder *recorder);
LUAPCAP_API int luapcap_cursor_next(luapcap_cursor *cursor, luapcap_packet *packet);
LUAPCAP_API void luapcap_cursor_free(luapcap_cursor *cursor);
LUAPCAP_API double luapcap_recorder_packets(const luapcap_recorder *recorder);
LUAPCAP_API double luapcap_recorder_bytes(const luapcap_recorder *recorder);

/* system.c, for sink/ and resty/loop.lua: the clock, and what the system is called */
LUAPCAP_API void luapcap_now(luapcap_packet *packet);
LUAPCAP_API double luapcap_second(void);
LUAPCAP_API void luapcap_system(char *os, char *hardware, size_t size);

/* For the shim's own files: cookie.c. Its functions have other types on other systems. */
#ifdef HAVE_LINUX
typedef size_t luapcap_cookie_size;
typedef ssize_t luapcap_cookie_count;
typedef int luapcap_cookie_seek(void *cookie, off_t *offset, int whence);
#else
typedef int luapcap_cookie_size;
typedef int luapcap_cookie_count;
typedef off_t luapcap_cookie_seek(void *cookie, off_t offset, int whence);
#endif
typedef luapcap_cookie_count luapcap_cookie_read(void *cookie, char *out, luapcap_cookie_size size);
typedef luapcap_cookie_count luapcap_cookie_write(void *cookie, const char *bytes,
                                                  luapcap_cookie_size size);
FILE *luapcap_cookie(void *cookie, luapcap_cookie_read *read, luapcap_cookie_write *write,
                     luapcap_cookie_seek *seek, int (*close)(void *));
int luapcap_milliseconds(double seconds);

#endif

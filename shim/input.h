/* A savefile's bytes as they come: for the shim's own files that begin with input. */
#ifndef LUAPCAP_INPUT_H
#define LUAPCAP_INPUT_H
#include <sys/types.h>
#include "compression.h"
#include "luapcap.h"

/* As many bytes as tell how a file is compressed. */
#define MAGIC_SIZE 6

enum kind { UNKNOWN, PLAIN, PACKED, REFUSED };

struct luapcap_input {
    int fd;          /* its own */
    int is_seekable; /* it is read at `position`; the descriptor's own position stays as it is */
    int is_regular;
    int is_followed; /* its end is not the end: more may come */
    double position; /* where the next bytes are read from; for a pipe, the bytes read so far */
    enum kind kind;
    const luapcap_unpacker *unpacker;
    void *unpacking;    /* the unpacker's */
    int is_between;     /* members: the file may end here */
    int may_hold;       /* the unpacker may give more without more bytes */
    int is_damaged;     /* the unpacker has failed */
    luapcap_span ahead; /* the part of `buffer` that is not used yet */
    char error[PCAP_ERRBUF_SIZE];
    char name[72]; /* for the message about other compressions */
    uint8_t *buffer;
    size_t buffer_size;
};

ssize_t luapcap_input_read_ahead(luapcap_input *input, size_t size);
ssize_t luapcap_input_read_packed(luapcap_input *input, uint8_t *out, size_t size);
int luapcap_input_learn_kind(luapcap_input *input);
const luapcap_unpacker *luapcap_input_unpacker(const void *start, size_t size);

#endif

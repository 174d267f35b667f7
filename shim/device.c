/* The list of devices: libpcap's, with its socket addresses turned into text. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include "luapcap.h"

#ifdef HAVE_LINUX
#include <netpacket/packet.h>
#define LINK_FAMILY AF_PACKET
#elif defined(AF_LINK)
#include <net/if_dl.h>
#define LINK_FAMILY AF_LINK
#else
#define LINK_FAMILY (-1) /* none: the addresses of that layer stay unknown */
#endif

/*
 * Reads one device of the list that pcap_findalldevs() gave. Its strings and addresses live until
 * pcap_freealldevs(). Returns the next item, or NULL.
 */
const pcap_if_t *luapcap_device_read(const pcap_if_t *item, luapcap_device *device) {
    device->name = item->name;
    device->description = item->description;
    device->addresses = item->addresses;
    device->flags = item->flags;
    return item->next;
}

/*
 * The bytes of a link-layer address, and how many there are. There are none if the address is
 * longer than what libpcap copies on Linux (tunnels over IPv6 have 16 bytes, InfiniBand 20).
 */
static const unsigned char *link_bytes(const struct sockaddr *addr, size_t *size) {
#ifdef HAVE_LINUX
    const struct sockaddr_ll *link = (const struct sockaddr_ll *)(const void *)addr;
    *size = link->sll_halen <= sizeof link->sll_addr ? link->sll_halen : 0;
    return link->sll_addr;
#elif defined(AF_LINK)
    const struct sockaddr_dl *link = (const struct sockaddr_dl *)(const void *)addr;
    *size = link->sdl_alen;
    return (const unsigned char *)link->sdl_data + link->sdl_nlen;
#else
    *size = 0;
    return (const unsigned char *)addr;
#endif
}

static void link_text(const struct sockaddr *addr, char *text, size_t room) {
    size_t size;
    const unsigned char *bytes = link_bytes(addr, &size);
    for (size_t i = 0; i < size && 3 * (i + 1) <= room; i++)
        snprintf(text + 3 * i, room - 3 * i, i + 1 < size ? "%02x:" : "%02x", bytes[i]);
}

/*
 * Writes an address of `family` as text: "" for no address. The family is that of the interface's
 * address, because some systems leave a netmask's own family unset.
 */
static void address_text(int family, const struct sockaddr *addr, char *text, size_t room) {
    memset(text, 0, room);
    if (addr == NULL)
        return;
    if (family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)addr)->sin_addr, text,
                  (socklen_t)room);
    else if (family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr, text,
                  (socklen_t)room);
    else if (family == LINK_FAMILY)
        link_text(addr, text, room);
}

/* Reads one address of a device. Returns the next item, or NULL. */
const pcap_addr_t *luapcap_address_read(const pcap_addr_t *item, luapcap_address *address) {
    int family = item->addr != NULL ? item->addr->sa_family : AF_UNSPEC;
    address->family = family == AF_INET       ? 4
                      : family == AF_INET6    ? 6
                      : family == LINK_FAMILY ? 802
                                              : 0;
    address_text(family, item->addr, address->address, sizeof address->address);
    address_text(family, item->netmask, address->netmask, sizeof address->netmask);
    address_text(family, item->broadaddr, address->broadcast, sizeof address->broadcast);
    address_text(family, item->dstaddr, address->destination, sizeof address->destination);
    return item->next;
}

/* Writes an IPv4 address as pcap_lookupnet() gives it. Returns 0, or -1 with errno. */
int luapcap_net_text(uint32_t net, char *text, int size) {
    struct in_addr address = {.s_addr = net};
    return inet_ntop(AF_INET, &address, text, (socklen_t)size) != NULL ? 0 : -1;
}

/* Writes the bytes of an Internet address in text into `bytes`, of 16. Returns how many there are,
 * or 0 for what is no address. */
int luapcap_address_parse(const char *text, uint8_t *bytes) {
    if (inet_pton(AF_INET, text, bytes) == 1)
        return 4;
    return inet_pton(AF_INET6, text, bytes) == 1 ? 16 : 0;
}

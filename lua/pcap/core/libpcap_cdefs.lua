--- Libpcap's own functions, under our names: see cdefs.lua, which declares them.

return {
  --- For `make abicheck`.
  declarations = [[
const char *luapcap_lib_version(void) __asm__("pcap_lib_version");
luapcap_t *luapcap_open_dead_with_tstamp_precision(int linktype, int snaplen,
  unsigned int precision) __asm__("pcap_open_dead_with_tstamp_precision");
void luapcap_close(luapcap_t *p) __asm__("pcap_close");
int luapcap_activate(luapcap_t *p) __asm__("pcap_activate");
int luapcap_set_snaplen(luapcap_t *p, int snaplen) __asm__("pcap_set_snaplen");
int luapcap_set_promisc(luapcap_t *p, int promisc) __asm__("pcap_set_promisc");
int luapcap_set_timeout(luapcap_t *p, int milliseconds) __asm__("pcap_set_timeout");
int luapcap_set_buffer_size(luapcap_t *p, int bytes) __asm__("pcap_set_buffer_size");
int luapcap_set_immediate_mode(luapcap_t *p, int immediate) __asm__("pcap_set_immediate_mode");
int luapcap_set_rfmon(luapcap_t *p, int rfmon) __asm__("pcap_set_rfmon");
int luapcap_can_set_rfmon(luapcap_t *p) __asm__("pcap_can_set_rfmon");
int luapcap_set_tstamp_type(luapcap_t *p, int type) __asm__("pcap_set_tstamp_type");
int luapcap_set_tstamp_precision(luapcap_t *p, int precision)
  __asm__("pcap_set_tstamp_precision");
int luapcap_setdirection(luapcap_t *p, luapcap_direction direction)
  __asm__("pcap_setdirection");
int luapcap_list_tstamp_types(luapcap_t *p, int **types) __asm__("pcap_list_tstamp_types");
void luapcap_free_tstamp_types(int *types) __asm__("pcap_free_tstamp_types");
int luapcap_list_datalinks(luapcap_t *p, int **dlts) __asm__("pcap_list_datalinks");
void luapcap_free_datalinks(int *dlts) __asm__("pcap_free_datalinks");
int luapcap_set_datalink(luapcap_t *p, int dlt) __asm__("pcap_set_datalink");
int luapcap_datalink_ext(luapcap_t *p) __asm__("pcap_datalink_ext");
int luapcap_is_swapped(luapcap_t *p) __asm__("pcap_is_swapped");
int luapcap_major_version(luapcap_t *p) __asm__("pcap_major_version");
int luapcap_minor_version(luapcap_t *p) __asm__("pcap_minor_version");
int luapcap_bufsize(luapcap_t *p) __asm__("pcap_bufsize");
int luapcap_fileno(luapcap_t *p) __asm__("pcap_fileno");
int luapcap_getnonblock(luapcap_t *p, char *errbuf) __asm__("pcap_getnonblock");
int luapcap_findalldevs(luapcap_if **devices, char *errbuf) __asm__("pcap_findalldevs");
void luapcap_freealldevs(luapcap_if *devices) __asm__("pcap_freealldevs");
int luapcap_setnonblock(luapcap_t *p, int nonblock, char *errbuf) __asm__("pcap_setnonblock");
char *luapcap_geterr(luapcap_t *p) __asm__("pcap_geterr");
const char *luapcap_statustostr(int status) __asm__("pcap_statustostr");
int luapcap_compile(luapcap_t *p, luapcap_bpf_program *program, const char *expression,
  int optimize, uint32_t netmask) __asm__("pcap_compile");
void luapcap_freecode(luapcap_bpf_program *program) __asm__("pcap_freecode");
char *luapcap_bpf_image(const luapcap_bpf_insn *insn, int index) __asm__("bpf_image");
int luapcap_setfilter(luapcap_t *p, luapcap_bpf_program *program) __asm__("pcap_setfilter");
int luapcap_lookupnet(const char *device, uint32_t *net, uint32_t *mask, char *errbuf)
  __asm__("pcap_lookupnet");
int luapcap_datalink(luapcap_t *p) __asm__("pcap_datalink");
int luapcap_snapshot(luapcap_t *p) __asm__("pcap_snapshot");
int luapcap_get_tstamp_precision(luapcap_t *p) __asm__("pcap_get_tstamp_precision");
int luapcap_get_selectable_fd(luapcap_t *p) __asm__("pcap_get_selectable_fd");
int luapcap_file_fileno(luapcap_file *file) __asm__("fileno");
int luapcap_fd_close(int fd) __asm__("close");
char *luapcap_strerror(int errnum) __asm__("strerror");
const char *luapcap_datalink_val_to_name(int dlt) __asm__("pcap_datalink_val_to_name");
const char *luapcap_datalink_val_to_description(int dlt)
  __asm__("pcap_datalink_val_to_description");
int luapcap_datalink_name_to_val(const char *name) __asm__("pcap_datalink_name_to_val");
const char *luapcap_tstamp_type_val_to_name(int type) __asm__("pcap_tstamp_type_val_to_name");
const char *luapcap_tstamp_type_val_to_description(int type)
  __asm__("pcap_tstamp_type_val_to_description");
int luapcap_tstamp_type_name_to_val(const char *name) __asm__("pcap_tstamp_type_name_to_val");
]],
}

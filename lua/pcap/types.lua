--- The public API for editors: every module, class, option and field, as lua-language-server reads
-- it. Nothing loads this file. spec/types_spec.lua compares it with the module.
--
-- The class of a module is the type of what `require` gives:
--
--     local pcap = require "pcap" ---@type pcap
--     local decode = require "pcap.decode" ---@type pcap.decode
--     local resty = require "pcap.resty" ---@type pcap.resty
--
-- Misuse raises an error at the caller's line. What fails at run time returns nil and a message.

---@meta _

---Microseconds or nanoseconds.
---@alias pcap.precision "micro"|"nano"
---Packets that come in, that go out, or both.
---@alias pcap.direction "in"|"out"|"inout"
---What an address is called.
---@alias pcap.space
---| "linktype"|"ethertype"|"sap"|"nlpid"|"nsh"|"chdlc"|"ppp"|"ip"|"gre"|"tcp"|"udp"|"sctp"

---@alias pcap.names {address: string, names: string[]}
---What packets are decrypted with; the types are those of pcapng.
---@alias pcap.secrets {type: integer, data: string}
---Of a file that is written.
---@alias pcap.format "pcap"|"pcapng"
---A path, "-" (stdin or stdout), a descriptor, or an open Lua file.
---@alias pcap.place string|integer|file*
---Gets bytes, which are valid until it returns or yields. A failure is nil and a message.
---@alias pcap.write fun(pointer: ffi.cdata*, length: integer): any, string?
---How a fanout group deals its packets: by flow, in turn, by processor, to the first that has room,
---at random, or by receive queue.
---@alias pcap.fanout "hash"|"lb"|"cpu"|"rollover"|"rnd"|"qm"
---Gives the next packet of a capture, or nil and why there is none: "timeout" (live), "closed" (no
---more packets in the file), "break", "more" (a reader), or libpcap's message.
---@alias pcap.iterator fun(state: any): pcap.Packet|nil, string|nil
---loop() and dispatch() call it with what next() gives: bytes, seconds, bytes on the wire. If it
---returns a value, the loop ends.
---@alias pcap.callback fun(data: string, timestamp: number, wirelen: integer): any

-- Options

---@class pcap.options.open_live
---@field device? string  default "any", if the system has it
---@field snaplen? integer  bytes of each packet to capture; 0 (default) means all, 262144
---@field promisc? boolean  promiscuous mode (default false)
---@field timeout? number  seconds that a read waits, fractions allowed; 0 (default): not at all
---@field buffer_size? integer  bytes of the kernel's buffer (default 8 MB, in nginx 24 MB)
---@field buffer_timeout? number  seconds the kernel may keep packets (default 0.04, nginx 0.015)
---@field immediate? boolean  packets come at once, at a lower throughput
---@field coalesce? number     seconds between two wake-ups at the least
---@field rfmon? boolean  monitor mode
---@field tstamp_type? string|integer  a name or number of pcap-tstamp(7)
---@field precision? pcap.precision  of timestamps (default "micro")
---@field direction? pcap.direction  default "inout"
---@field protocol? integer  an Ethernet type, on Linux
---@field on_drop? fun(dropped: integer, cap: pcap.Capture)  a read calls it if packets were lost

---@class pcap.options.open_offline
---@field precision? pcap.precision  of timestamps, and of pcap files made from it (default "micro")
---@field blocks? boolean  whether blocks() gives, and copies have, a pcapng file's unknown blocks
---@field index? true|string  where to keep what seek() learns: a path, or fname and ".index"
---@field follow? boolean  whether the file's end is its end only for now (default false)
---@field timeout? number  seconds that a read waits there; 0 (default): not at all

---@class pcap.options.seek
---@field packet? integer  its number in the file, from 1
---@field time? number  seconds: the first packet at or after it

---@class pcap.options.merge
---@field delay? number  seconds that a packet waits for those of live captures (default 0.1)
---@field timeout? number  seconds that a read waits; 0 (default): not at all

---@class pcap.options.open_dead
---@field precision? pcap.precision  of the files that it writes (default "micro")

---@class pcap.options.reader
---@field linktype? integer  the only one to take of the first interface (default: any)
---@field precision? pcap.precision  of timestamps (default "micro")
---@field blocks? boolean  whether blocks() gives, and copies have, a pcapng file's unknown blocks

---@class pcap.options.dumper
---@field file? pcap.place  "-" is stdout
---@field write? pcap.write  what gets the bytes, instead of a file
---@field memory? true  take() gives the bytes, instead of a file
---@field linktype? integer  a number of pcap.DLT (default EN10MB)
---@field snaplen? integer  bytes of the longest packet; 0 is the default, 65535
---@field precision? pcap.precision  of the file (default "micro")
---@field append? boolean  adds to an existing file of the same kind, which needs a path
---@field format? pcap.format  default "pcap"
---@field section? pcap.options.section  of a pcapng file
---@field interface? pcap.options.add_interface  of a pcapng file, its first
---@field compress? "gzip"|"zstd"  packs what is written
---@field level? integer  of gzip: 1 (fast) to 9 (small), default 6; of zstd: 1 to 22, default 3
---@field thread? boolean  a thread writes, and packs
---@field limit? integer  bytes that may wait for a function, a thread or take() (default 64 MB)
---@field rotate? pcap.options.rotate  the file's name then has fields

---@class pcap.options.dump_open
---@field append? boolean  adds to an existing file of the same kind, which needs a path
---@field format? pcap.format  default "pcap"
---@field section? pcap.options.section  of a pcapng file
---@field interface? pcap.options.add_interface  of a pcapng file, its first
---@field compress? "gzip"|"zstd"  packs what is written
---@field level? integer  of gzip: 1 (fast) to 9 (small), default 6; of zstd: 1 to 22, default 3
---@field thread? boolean  a thread writes, and packs
---@field limit? integer  bytes that may wait for a function, a thread or take() (default 64 MB)
---@field rotate? pcap.options.rotate  the file's name then has fields

---When a dumper goes on in the next file, and which files stay.
---@class pcap.options.rotate
---@field bytes? integer  a file has no more
---@field seconds? integer  a file ends at whole multiples of them since 1970, UTC
---@field packets? integer  a file has no more
---@field keep? integer  so many files of this dumper stay, the present one included
---@field on_close? fun(path: string, stats: pcap.Complete)  called when a file is complete
---@field clock? "packet"|"wall"  what tells the time (default "packet")
---@field temporary? boolean  a file has ".part" behind its name until it is complete
---@field overwrite? boolean  files that are there already are replaced (default: left alone)
---@field utc? boolean  the times in names are UTC (default: local)

---@class pcap.options.recorder
---@field seconds? number  the packets of so many seconds before the newest one count
---@field bytes? integer  of memory, at most (default 64 MB)
---@field linktype? integer  of strings that are dumped (default EN10MB)

---@class pcap.options.save
---@field append? boolean  adds to an existing file of the same kind, which needs a path
---@field format? pcap.format  default "pcap"
---@field section? pcap.options.section  of a pcapng file
---@field interface? pcap.options.add_interface  of a pcapng file, its first
---@field compress? "gzip"|"zstd"  packs what is written
---@field level? integer  of gzip: 1 (fast) to 9 (small), default 6; of zstd: 1 to 22, default 3
---@field thread? boolean  a thread writes, and packs
---@field limit? integer  bytes that may wait for the thread (default 64 MB)
---@field rotate? pcap.options.rotate  the file's name then has fields
---@field linktype? integer  of the file (default: the first packet's)
---@field snaplen? integer  of the file (default 262144)
---@field precision? pcap.precision  of the file (default "nano")

---What a section of a pcapng file says. Texts are UTF-8.
---@class pcap.options.section
---@field comment? string
---@field comments? string[]
---@field application? string  what wrote the file
---@field os? string  what it was written on
---@field hardware? string

---What a pcapng file says of an interface. Texts are UTF-8.
---@class pcap.options.add_interface
---@field linktype? integer  a number of pcap.DLT (default: the dumper's)
---@field snaplen? integer  bytes of the longest packet; 0 is the default, the dumper's
---@field comment? string
---@field comments? string[]
---@field name? string
---@field description? string
---@field addresses? {address: string, netmask?: string, prefix?: integer}[]
---@field mac? string  six bytes, such as "02:00:00:00:00:01"
---@field eui? string  eight bytes
---@field speed? integer  bits a second
---@field txspeed? integer  bits a second
---@field rxspeed? integer  bits a second
---@field tsresol? integer  of its times: 9 is 10^-9 seconds, 128 + 20 is 2^-20 (default 6 or 9)
---@field tsoffset? integer  seconds that its times begin at
---@field filter? string  an expression
---@field os? string  of the machine that it is in
---@field hardware? string
---@field fcslen? integer  bytes of the check sequence that its packets end with

---What a packet gets in a pcapng file. Texts are UTF-8.
---@class pcap.options.dump
---@field comment? string
---@field comments? string[]
---@field direction? "in"|"out"
---@field dropped? integer  packets that were lost since the last one of its interface
---@field flags? integer  the flags word
---@field id? integer|ffi.cdata*  the same for one packet on several interfaces
---@field queue? integer  of the interface
---@field hash? {type: integer, data: string}
---@field verdict? {type: integer, data: string}
---@field options? {code: integer, value: string}[]  any others
---@field interface? integer  where it goes, a number of dumper:add_interface()

---@class pcap.options.compile
---@field linktype? integer  a number of pcap.DLT (default EN10MB)
---@field snaplen? integer  bytes (default 262144)
---@field optimize? boolean  default true
---@field netmask? integer  an IPv4 netmask as a number, for "ip broadcast" (default 0)

---@class pcap.options.set_fanout
---@field rollover? boolean  a full buffer's packets go to the next capture (the default in nginx)
---@field defrag? boolean  IP fragments are put together before the flow is determined

---@class pcap.options.fanout: pcap.options.set_fanout
---@field id integer  the group, 0 to 65535
---@field type? pcap.fanout  default "hash"

---The options of pcap.resty. There `timeout` is how long wait() waits by default.
---@class pcap.options.open: pcap.options.open_live, pcap.options.start
---@field filter? string|pcap.Filter
---@field fanout? pcap.options.fanout
---@field waiter? "thread"|"sleep"  default "thread"; "sleep" looks every 1 to 8 milliseconds

---What resty.follow() takes beside a file.
---@class pcap.options.follow
---@field filter? string|pcap.Filter
---@field precision? pcap.precision  of timestamps (default "micro")
---@field blocks? boolean  as for open_offline()
---@field waiter? "thread"|"sleep"  as for resty.open()
---@field budget? number  as for resty.start()
---@field on_exit? fun(reason: string, loop: pcap.Loop)  as for resty.start()

---What resty.start() takes beside a capture.
---@class pcap.options.start
---@field budget? number  seconds of a turn, up to 1 (default 0.0005, with "sleep" 0.002)
---@field on_exit? fun(reason: string, loop: pcap.Loop)  called once when a loop has ended
---@field on_drop? fun(dropped: integer, loop: pcap.Loop)  called if packets were lost
---@field restart? number  seconds: how often a loop tries to open a device that is not there

-- Results

---@class pcap.Device
---@field name string
---@field description? string
---@field addresses pcap.Address[]
---@field loopback boolean
---@field up boolean
---@field running boolean
---@field wireless boolean
---@field status "connected"|"disconnected"|"not applicable"|"unknown"

---@class pcap.Address
---@field family "inet"|"inet6"|"link"
---@field address? string
---@field netmask? string
---@field broadcast? string
---@field destination? string

---An interface that packets come from, as far as the source tells of it.
---@class pcap.Interface
---@field capture? integer  for a merge: which of its captures has it
---@field number integer  as in a packet's `interface`, from 1
---@field linktype integer  a number of pcap.DLT
---@field snaplen integer  bytes
---@field tsresol integer  units of its times: 6 is microseconds; 128 + n is 2^-n seconds
---@field tsoffset integer|ffi.cdata*  seconds that were added to its times; an int64_t beyond 2^53
---@field index? integer  the system's number of a live interface
---@field name? string
---@field description? string
---@field filter? string  that packets had passed
---@field os? string
---@field hardware? string
---@field speed? integer|ffi.cdata*  bits a second
---@field txspeed? integer|ffi.cdata*  bits a second, sending
---@field rxspeed? integer|ffi.cdata*  bits a second, receiving
---@field mac? string
---@field eui? string
---@field addresses? pcap.InterfaceAddress[]
---@field fcslen? integer  bytes of the checksum after each frame
---@field comment? string  the first of comments
---@field comments? string[]
---@field started? number  when its statistics began, seconds since 1970
---@field ended? number  when they ended
---@field received? integer|ffi.cdata*  packets
---@field dropped? integer|ffi.cdata*  packets, by the interface
---@field accepted? integer|ffi.cdata*  packets, by the filter
---@field os_dropped? integer|ffi.cdata*  packets, by the system
---@field delivered? integer|ffi.cdata*  packets, to the user

---@class pcap.InterfaceAddress
---@field address string
---@field netmask? string  of IPv4
---@field prefix? integer  bits, of IPv6

---A part of a savefile, with interfaces of its own.
---@class pcap.Section
---@field swapped boolean  whether its numbers are in the other byte order than this machine's
---@field byte_order "little"|"big"
---@field major? integer  version of the format
---@field minor? integer
---@field length? integer|ffi.cdata*  bytes, where it says so
---@field hardware? string
---@field os? string
---@field application? string
---@field comment? string  the first of comments
---@field comments? string[]

---@class pcap.Names
---@field address string  IPv4, IPv6 or of a link layer
---@field names string[]

---@class pcap.Secret
---@field type integer  0x544c534b is a TLS key log
---@field data string

---A block of a pcapng file.
---@class pcap.Block
---@field type integer
---@field bytes string  all of it
---@field swapped boolean  whether its numbers are in the other byte order than this machine's

---An option of a packet's block.
---@class pcap.Option
---@field code integer
---@field value string  numbers in the section's byte order

---A verdict: type 0 is hardware, 1 Linux eBPF TC, 2 Linux eBPF XDP. Or a hash: type 0 is a sum of
---two's complements, 1 XOR, 2 CRC32, 3 MD5, 4 SHA-1, 5 Toeplitz.
---@class pcap.Typed
---@field type integer
---@field data string

---@class pcap.Stats
---@field received integer  packets
---@field dropped integer  packets, for want of room in the buffer
---@field if_dropped integer  packets, by the interface

---@class pcap.LoopStats: pcap.Stats
---@field packets integer  given to the callback
---@field turns integer
---@field callback_errors integer
---@field lag number  seconds from the arrival of the latest turn's last packet to the turn's end
---@field max_lag number  the longest lag of the loop's life, seconds
---@field recent_lag number  the longest lag of the last minute, or of up to two, seconds

---Numbers as in bpf_insn.
---@class pcap.Instruction
---@field code integer
---@field jt integer
---@field jf integer
---@field k integer

---Link types: numbers by name, names by number, as the installed libpcap defines them.
---@class pcap.DLT: { [string]: integer, [integer]: string }

-- The module

---@class pcap
---@field _VERSION string
---@field _LIB_VERSION string  libpcap's
---@field DLT pcap.DLT
local pcap = {}

---Opens a device to read packets from. All arguments are optional, and may be given by name in one
---table.
---@param device? string  default "any", if the system has it
---@param snaplen? integer  bytes of each packet to capture; 0 (default) means all, 262144
---@param promisc? boolean  promiscuous mode (default false)
---@param timeout? number  seconds that a read waits, fractions allowed; 0 (default): not at all
---@return pcap.Capture|nil cap
---@return string|nil message  why not, naming the device; with a capture, a warning if any
---@overload fun(options: pcap.options.open_live): pcap.Capture|nil, string|nil
function pcap.open_live(device, snaplen, promisc, timeout) end

---Opens a savefile, pcap or pcapng, plain or compressed with gzip or zstd.
---@param fname pcap.place  "-" is stdin
---@param options? pcap.options.open_offline
---@return pcap.Capture|nil cap
---@return string|nil message  naming the file
function pcap.open_offline(fname, options) end

---Opens a capture that reads from nowhere: to write files and to check filters.
---@param linktype? integer  a number of pcap.DLT (default EN10MB)
---@param snaplen? integer  bytes; 0 is the default, 65535
---@param options? pcap.options.open_dead
---@return pcap.Capture|nil cap
---@return string|nil message
function pcap.open_dead(linktype, snaplen, options) end

---Merges captures into one, which owns them: their packets in the order of their times.
---@param captures pcap.Capture[]
---@param options? pcap.options.merge
---@return pcap.Capture|nil
---@return string|nil message
function pcap.merge(captures, options) end

---Makes a reader of classic pcap that comes in pieces.
---@param options? pcap.options.reader
---@return pcap.Reader|nil reader
---@return string|nil message  if there is not enough memory
function pcap.reader(options) end

---Opens a savefile, a function or memory to write packets to, with no capture.
---@param options pcap.options.dumper
---@return pcap.Dumper|nil dumper
---@return string|nil message  naming the file
function pcap.dumper(options) end

---Makes a flight recorder: the last packets, in memory.
---@param opts pcap.options.recorder
---@return pcap.Recorder|nil recorder
---@return string|nil message
function pcap.recorder(opts) end

---Compiles an expression of pcap-filter(7) for packets of any source.
---@param expression string
---@param options? pcap.options.compile
---@return pcap.Filter|nil filter
---@return string|nil message  libpcap's
function pcap.compile(expression, options) end

---Combines seconds and microseconds into one number.
---@param seci number  whole seconds
---@param useci number  microseconds
---@return number secs
function pcap.tv2secs(seci, useci) end

---Splits seconds at the nearest microsecond.
---@param secs number
---@return number seci  whole seconds, rounded down
---@return number useci  microseconds, 0 to 999999
function pcap.secs2tv(secs) end

---The devices that this process may try to open, the likeliest first.
---@return pcap.Device[]|nil list
---@return string|nil message
function pcap.devices() end

---The device that libpcap puts first, if it is not a loopback.
---@return string|nil name
---@return string|nil message
function pcap.default_device() end

---The IPv4 network of a device.
---@param device string
---@return string|nil net  such as "192.0.2.0"
---@return string mask  such as "255.255.255.0"; or why there is no net
function pcap.lookupnet(device) end

---Whether a device can be put into monitor mode.
---@param device string
---@return boolean|nil can
---@return string|nil message
function pcap.can_set_rfmon(device) end

---The number of a link type, in upper or lower case.
---@param name string
---@return integer|nil number
---@return string|nil message
function pcap.datalink(name) end

---The name of a link type, without DLT_.
---@param number integer
---@return string|nil name
---@return string|nil message
function pcap.datalink_name(number) end

---What a link type is, in words.
---@param number integer
---@return string|nil description
---@return string|nil message
function pcap.datalink_description(number) end

---The number of a time stamp type.
---@param name string  as in pcap-tstamp(7)
---@return integer|nil number
---@return string|nil message
function pcap.tstamp_type(name) end

---The name of a time stamp type, as in pcap-tstamp(7).
---@param number integer
---@return string|nil name
---@return string|nil message
function pcap.tstamp_type_name(number) end

---What a time stamp type is, in words.
---@param number integer
---@return string|nil description
---@return string|nil message
function pcap.tstamp_type_description(number) end

-- Packets

---A packet of a capture, valid until the next read on the capture or its close. copy() gives one
---that lives by itself.
---@class pcap.Packet: ffi.cdata*
---@field data ffi.cdata*  const uint8_t *, the captured bytes, counted from 0
---@field caplen integer  bytes captured
---@field wirelen integer  bytes on the wire
---@field sec number  whole seconds since 1970
---@field nsec integer  nanoseconds, whatever the capture's precision
---@field linktype integer  a number of pcap.DLT
---@field interface integer  the interface's number in the source's list, from 1
---@field direction? "in"|"out"  nil if it is not known
local Packet = {}

---Seconds since 1970, as cap:next() gives them.
---@return number seconds
function Packet:timestamp() end

---The captured bytes or a part of them, by string.sub's rules.
---@param from? integer  the first byte, from 1; negative counts from the end (default 1)
---@param to? integer  the last byte (default -1)
---@return string bytes
function Packet:bytes(from, to) end

---An independent packet, which lives as long as it is kept.
---@return pcap.Packet copy
function Packet:copy() end

---Its comment in a pcapng file, of several the first.
---@return string|nil
function Packet:comment() end

---All its comments.
---@return string[]
function Packet:comments() end

---How many packets its interface lost between the packet before and this one.
---@return integer|ffi.cdata*|nil
function Packet:dropped() end

---Its number, which a packet that was seen on several interfaces has on each.
---@return integer|ffi.cdata*|nil  a uint64_t from 2^53 on
function Packet:id() end

---What was decided about it.
---@return pcap.Typed|nil
function Packet:verdict() end

---Its hash.
---@return pcap.Typed|nil
function Packet:hash() end

---All options of its block.
---@return pcap.Option[] list
---@return string|nil message  if one runs out of the block: the list is what stood before it
function Packet:options() end

-- Captures

---Packets of a device, a savefile, or nowhere.
---@class pcap.Capture
local Capture = {}

---The next packet, as a string; or nil and why there is none: "timeout" (live), "closed" (no more
---packets in the file), "break", or libpcap's message.
---@return string|nil capdata  the captured bytes
---@return number|string timestamp  seconds; or the reason
---@return integer|nil wirelen  bytes that the packet had on the wire
function Capture:next() end

---The next packet, without making a string of it.
---@return pcap.Packet|nil pkt  valid until the next read on this capture, or its close
---@return string|nil reason  as next() gives it
function Capture:next_packet() end

---Loops over the packets without making strings of them: `for pkt in cap:packets() do`.
---@param limit? integer  packets at the most
---@return pcap.iterator iterator
---@return table state
function Capture:packets(limit) end

---How the last packets() loop ended.
---@return string ending  "closed", "timeout", "limit", "break", or the error's message
function Capture:ending() end

---How far a savefile has been read, in bytes of the file as it is stored, compressed or not.
---@return integer|nil position
---@return integer|string|nil size  of the whole file, nil for a pipe; or the message
function Capture:progress() end

---Goes to another packet of a savefile: the next read gives it.
---@param target pcap.options.seek
---@return pcap.Capture|nil
---@return string|nil message  why not; with a capture: the index cannot be kept
function Capture:seek(target) end

---Closes the capture; closing it again does nothing. Packets that it handed out are gone.
---@return true
function Capture:close() end

---Calls a function for each packet, however long it has to wait for one.
---@param n integer  packets at the most; 0 or less is no limit
---@param fn pcap.callback
---@return integer count  calls made
---@return string ending  "closed", "limit", "break", or the error's message
---@return any value  after "break", what fn returned; nil after breakloop()
---@overload fun(self: pcap.Capture, fn: pcap.callback): integer, string, any
function Capture:loop(n, fn) end

---Like loop(), but it also ends when there are no more packets for now.
---@param n integer  packets at the most; 0 or less is no limit
---@param fn pcap.callback
---@return integer count  calls made
---@return string ending  "timeout" when there are no more for now; else as for loop()
---@return any value  as for loop()
---@overload fun(self: pcap.Capture, fn: pcap.callback): integer, string, any
function Capture:dispatch(n, fn) end

---Ends the loop, read or wait that is going on, or the next one, with "break".
---@return pcap.Capture cap  itself
function Capture:breakloop() end

---Waits until a packet may be there. A savefile is always ready.
---@param timeout? number  seconds, fractions allowed (default: as long as it takes)
---@return true|nil ready
---@return string|nil reason  "timeout", "break", "closed", or why it cannot wait
function Capture:wait(timeout) end

---A descriptor to wait for packets with. It stays the capture's.
---@return integer|nil fd
---@return string|nil message
function Capture:getfd() end

---The capture in the form that cqueues.poll() takes.
---@return pcap.Pollable|nil pollable
---@return string|nil message  if there is no descriptor to wait with
function Capture:pollable() end

---How often libpcap asks for a read even if the descriptor is silent.
---@return number|nil seconds  nil if it does not, as for most devices
function Capture:required_timeout() end

---The interfaces that packets come from: of a file, those that it has told of up to here.
---@return pcap.Interface[]
function Capture:interfaces() end

---The section that is being read.
---@return pcap.Section
function Capture:section() end

---Addresses and their names, as a file has told up to here.
---@return pcap.Names[]
function Capture:names() end

---Decryption secrets, as a file has told up to here.
---@return pcap.Secret[]
function Capture:secrets() end

---A pcapng file's blocks that nothing here reads: those since the last call, if the capture was
---opened with {blocks = true}.
---@return pcap.Block[] blocks
---@return integer lost  how many more came than 16 MB hold
function Capture:blocks() end

---Lets only packets pass that match, from the next one on. With a capture, the second value is a
---warning that the kernel copies every packet.
---@param filter string|pcap.Filter  an expression of pcap-filter(7), or a filter
---@param nooptimize? boolean  true leaves the compiled program as it comes
---@return pcap.Capture|nil cap  itself
---@return string|nil message  libpcap's; with a capture, the warning
function Capture:set_filter(filter, nooptimize) end

---The link type: of a file of several, its first interface's. A packet's is its `linktype`.
---@return integer linktype  a number of pcap.DLT
function Capture:datalink() end

---The link types that the capture can be set to.
---@return integer[]|nil list  numbers of pcap.DLT
---@return string|nil message
function Capture:datalinks() end

---Sets the link type, and compiles the filter again for it.
---@param linktype integer  one of datalinks()
---@return pcap.Capture|nil cap  itself
---@return string|nil message
function Capture:set_datalink(linktype) end

---The link type with its extension bits.
---@return integer|nil linktype
---@return string|nil message
function Capture:datalink_ext() end

---The snapshot length: of a file of several interfaces, the first one's.
---@return integer bytes  of each packet that are captured at the most
function Capture:snapshot() end

---What was counted since the capture began.
---@return pcap.Stats|nil stats
---@return string|nil message
function Capture:stats() end

---Sets which packets are captured.
---@param direction pcap.direction
---@return pcap.Capture|nil cap  itself
---@return string|nil message
function Capture:set_direction(direction) end

---Sets whether a live capture's reads do without waiting, whatever timeout it has.
---@param nonblock boolean
---@return pcap.Capture|nil cap  itself
---@return string|nil message
function Capture:set_nonblock(nonblock) end

---Whether reads do without waiting.
---@return boolean|nil nonblock
---@return string|nil message
function Capture:nonblock() end

---The time stamp types that the device has.
---@return integer[]|nil list  numbers, see pcap.tstamp_type_name()
---@return string|nil message
function Capture:tstamp_types() end

---The precision of the packets' times as they are read.
---@return pcap.precision|nil precision
---@return string|nil message
function Capture:tstamp_precision() end

---Whether the savefile has the other byte order.
---@return boolean|nil swapped
---@return string|nil message
function Capture:is_swapped() end

---The version of the savefile's format.
---@return integer major
---@return integer minor
function Capture:version() end

---The size of libpcap's buffer.
---@return integer|nil bytes
---@return string|nil message
function Capture:bufsize() end

---The descriptor of a live capture. It stays the capture's.
---@return integer|nil fd
---@return string|nil message
function Capture:fileno() end

---Joins a fanout group: each packet of the interface goes to one of the group's captures.
---@param id integer  the group, 0 to 65535
---@param type? pcap.fanout  default "hash"
---@param flags? pcap.options.set_fanout
---@return pcap.Capture|nil cap  itself
---@return string|nil message
function Capture:set_fanout(id, type, flags) end

---Sends a packet as it is, link-layer header included.
---@param bytes string
---@return integer|nil sent  bytes
---@return string|nil message
function Capture:inject(bytes) end

---Sends a packet as it is, link-layer header included.
---@param bytes string
---@return pcap.Capture|nil cap  itself
---@return string|nil message
function Capture:sendpacket(bytes) end

---Sends many packets in their order.
---@param packets (string|pcap.Packet)[]|fun(state: any, control: any): string|pcap.Packet|nil
---@param state? any  the iterator's state, as `for` takes it
---@param control? any  its first control value
---@return integer|nil sent  packets
---@return string|nil message  why it ended early
---@return integer|nil before  with a message: the packets sent before
function Capture:inject_all(packets, state, control) end

---Opens a savefile for packets of the capture's kind. The savefile outlives the capture.
---@param fname pcap.place|pcap.write  "-" is stdout
---@param options? pcap.options.dump_open
---@return pcap.Dumper|nil dumper
---@return string|nil message  naming the file
function Capture:dump_open(fname, options) end

---A capture for cqueues.poll(), which it keeps alive.
---@class pcap.Pollable
local Pollable = {}

---@return integer fd
function Pollable:pollfd() end

---@return "r" events
function Pollable:events() end

---@return number|nil seconds  as cap:required_timeout() gives them
function Pollable:timeout() end

-- Readers

---Classic pcap that comes in pieces, of any size.
---@class pcap.Reader
local Reader = {}

---Takes the next piece. Packets that were handed out are gone.
---@param bytes string
---@return pcap.Reader|nil reader  itself
---@return string|nil message  out of memory
function Reader:feed(bytes) end

---Says that no more will come. Reading then ends with "closed" in place of "more".
---@return pcap.Reader reader  itself
function Reader:finish() end

---The capture over what has come, for its filter, link type or a dumper.
---@return pcap.Capture|nil cap
---@return string|nil reason  "more" before the file header has come; or libpcap's message
function Reader:capture() end

---As a capture's, but ends with "more" if the next packet is not whole yet.
---@return string|nil capdata
---@return number|string timestamp  seconds; or the reason
---@return integer|nil wirelen  bytes
function Reader:next() end

---As a capture's, but ends with "more" if the next packet is not whole yet.
---@return pcap.Packet|nil pkt
---@return string|nil reason
function Reader:next_packet() end

---As a capture's, but ends with "more" if the next packet is not whole yet.
---@param limit? integer  packets at the most
---@return pcap.iterator iterator
---@return table|nil state
function Reader:packets(limit) end

---How the last packets() loop ended.
---@return string ending  "more", or as a capture's
function Reader:ending() end

---Closes the reader and its capture. Closing it again does nothing.
---@return true
function Reader:close() end

-- Filters

---A compiled expression. `tostring` gives the program as `tcpdump -d` prints it.
---@class pcap.Filter
local Filter = {}

---Whether a packet matches.
---@param data pcap.Packet|string|ffi.cdata*  a packet, its bytes, or a pointer to them
---@param caplen? integer  with a pointer: how many bytes there are; with a string: wirelen
---@param wirelen? integer  bytes on the wire (default: as many as there are)
---@return boolean matches
function Filter:match(data, caplen, wirelen) end

---The program.
---@return pcap.Instruction[] list
function Filter:instructions() end

-- Dumpers

---A savefile that is written.
---@class pcap.Dumper
local Dumper = {}

---Writes a packet, or a string of bytes as cap:next() gives it.
---@param pkt pcap.Packet|string|nil  nil with a message after it: both are given back
---@param timestamp? number|string|pcap.options.dump  seconds; nil is the current time, and so is 0
--- without wirelen
---@param wirelen? integer  bytes that it had before it was cut (default #pkt)
---@param more? pcap.options.dump  in a pcapng file; may stand in place of the timestamp
---@return pcap.Dumper|nil dumper  itself
---@return string|nil message
function Dumper:dump(pkt, timestamp, wirelen, more) end

---Adds an interface to a pcapng file.
---@param values? pcap.options.add_interface  or one of cap:interfaces()
---@return integer|nil number  from 1
---@return string|nil message
function Dumper:add_interface(values) end

---Writes a comment on a section of a pcapng file. Behind packets it begins a new section.
---@param text string  UTF-8
---@return pcap.Dumper|nil dumper  itself
---@return string|nil message
function Dumper:comment(text) end

---Writes names of addresses into a pcapng file.
---@param list pcap.names[]|pcap.names  as cap:names() gives them
---@return pcap.Dumper|nil dumper  itself
---@return string|nil message
function Dumper:add_names(list) end

---Writes decryption secrets into a pcapng file, before the packets that need them.
---@param list pcap.secrets[]|pcap.secrets  as cap:secrets() gives them
---@return pcap.Dumper|nil dumper  itself
---@return string|nil message
function Dumper:add_secrets(list) end

---Writes a block of another type into a pcapng file. Readers skip what they do not know.
---@param kind integer  the block's type
---@param body string  what stands between its lengths
---@return pcap.Dumper|nil dumper  itself
---@return string|nil message
function Dumper:add_block(kind, body) end

---Hands all that was dumped to the system.
---@return pcap.Dumper|nil dumper  itself
---@return string|nil message  also when an earlier write failed
function Dumper:flush() end

---The bytes since the last call, of a dumper into memory. After close() it gives the last ones.
---@return string|nil bytes
---@return string|nil message
function Dumper:take() end

---Looks at the time, for when no packets come: a rotation's next file begins if it is due.
---@param time? number  seconds (default: the system's clock)
---@return pcap.Dumper|nil dumper  itself
---@return string|nil message
function Dumper:tick(time) end

---Where the next packet will stand in the file.
---@return integer|nil bytes  including those that are still in the buffer
---@return string|nil message  for a pipe, and after a failed write
function Dumper:tell() end

---The descriptor that is written to. It stays the dumper's.
---@return integer fd
function Dumper:fileno() end

---Closes the dumper. It is closed even if this fails. Closing it again does nothing.
---@return true|nil closed
---@return string|nil message  if what was dumped did not all reach the file
function Dumper:close() end

---The last packets, in memory. It takes packets as a dumper does.
---@class pcap.Recorder: pcap.Dumper
local Recorder = {}

---Saves the packets of the last seconds, or all that are there. They stay in the recorder.
---@param target pcap.place|pcap.Dumper  a dumper stays open
---@param opts? pcap.options.save  of a file
---@return integer|nil count  packets
---@return string|nil message  naming the file
function Recorder:save(target, opts) end

---What is in it.
---@return {packets: integer, bytes: integer} stats  bytes of memory, with the packets' headers
function Recorder:stats() end

---Does nothing.
---@return pcap.Recorder recorder  itself
function Recorder:flush() end

---@return nil
---@return string message  a recorder has no file
function Recorder:tell() end

---@return nil
---@return string message  a recorder has no file
function Recorder:fileno() end

---Frees the packets. Closing it again does nothing.
---@return true closed
function Recorder:close() end

---A file of a rotation that is complete.
---@class pcap.Complete
---@field packets integer  whole in the file
---@field lost? integer  packets that were accepted and are not whole in it, if a write failed
---@field bytes integer  the file's size on the disk
---@field first? number  seconds: the time of the first packet
---@field last? number  and of the last
---@field message? string  what went wrong with it

-- pcap.resty

---`require "resty.pcap"` gives the same module.
---@class pcap.resty
---@field _VERSION string  pcap's
local resty = {}

---Opens a live capture, to wait for its packets in a context of your own that may yield. If a
---request opens it, it is closed when the request ends.
---@param options pcap.options.open
---@return pcap.RestyCapture|nil cap
---@return string|nil message  why not; with a capture, a warning if any
function resty.open(options) end

---Opens captures for the workers, in init_by_lua.
---@param n integer  how many: ngx.worker.count()
---@param options? pcap.options.open  fanout defaults to a group of this nginx's own
---@return pcap.Team|nil team
---@return string|nil message
function resty.open_all(n, options) end

---Calls a function for each packet from here on, until stop() or the capture's end.
---@param source pcap.options.open|pcap.RestyCapture  the loop owns the capture
---@param callback fun(pkt: pcap.Packet)  the packet is valid during the call
---@param options? pcap.options.start  may stand among the source's options, too
---@return pcap.Loop|nil loop
---@return string|nil message  why not; with a loop, the capture's warning if any
function resty.start(source, callback, options) end

---Calls a function for each packet of a savefile that somebody still writes, until stop().
---@param fname pcap.place
---@param callback fun(pkt: pcap.Packet)  the packet is valid during the call
---@param options? pcap.options.follow
---@return pcap.Loop|nil loop
---@return string|nil message
function resty.follow(fname, callback, options) end

---A live capture whose wait() yields to nginx's event loop.
---@class pcap.RestyCapture: pcap.Capture
local RestyCapture = {}

---Waits until there is a reason to read. That is not always a packet.
---@param timeout? number  seconds (default: open's option of this name, or as long as it takes)
---@return true|nil ready
---@return string|nil reason  "timeout"; "closed": by close(), or the worker exits; or a message
function RestyCapture:wait(timeout) end

---Calls a function for each packet that is there, without waiting. The reason is nil when all are
---read; "budget"; "closed": by the callback; or libpcap's message.
---@param callback fun(pkt: pcap.Packet)  the packet is valid during the call
---@param budget? number  seconds that it may take (default: open's option of this name)
---@return integer count  packets
---@return string|nil reason
function RestyCapture:drain(callback, budget) end

---Closes the capture, and ends a wait for it.
---@return true
function RestyCapture:close() end

---Gives a capture's packets to a callback, in a light thread of the worker's own.
---@class pcap.Loop
---@field capture pcap.RestyCapture
local Loop = {}

---What the loop has done.
---@return pcap.LoopStats stats
function Loop:stats() end

---Changes the capture's filter while the loop runs.
---@param filter string|pcap.Filter
---@return pcap.Loop|nil loop  itself
---@return string|nil message  libpcap's; then nothing has changed
function Loop:set_filter(filter) end

---Ends the loop and closes the capture. Stopping it again does nothing.
function Loop:stop() end

---Captures that nginx's master has opened, one for each worker.
---@class pcap.Team
local Team = {}

---Takes this worker's capture and closes the others. Call it in init_worker_by_lua.
---@return pcap.RestyCapture|nil cap
---@return string|nil message  there is none for this worker; or a dead one had it, and its place is
---not known
function Team:take() end

---Closes the captures that have not been taken.
function Team:close() end

-- pcap.decode

---@class pcap.decode
local decode = {}

---Makes an object that decodes packets: `layers(pkt).tcp`.
---@param linktype? integer  a number of pcap.DLT (default: each packet's own, EN10MB for a string)
---@return pcap.Layers layers
function decode.layers(linktype) end

---Adds a protocol: layers objects that are made from now on know it.
---@param space pcap.space
---@param number integer
---@param protocol string|table  the name of a file in pcap/decode, or what such a file returns
function decode.add(space, number, protocol) end

---Says in one line what is in a packet, close to `tcpdump -n -q -t`.
---@param pkt pcap.Packet|string
---@param linktype? integer  a number of pcap.DLT (default: the packet's own, EN10MB for a string)
---@return string line
function decode.summary(pkt, linktype) end

---The bytes of an address of IPv4, IPv6 or Ethernet, and its number.
---@param text string
---@return string|nil bytes  4, 16 or 6 of them
---@return number|string|nil number  nil for IPv6; or the message
function decode.address(text) end

---The text of an address.
---@param bytes string  4 (IPv4), 6 (Ethernet) or 16 (IPv6) of them
---@return string text
function decode.text(bytes) end

---Decodes an Ethernet header, as pcaplua does.
---@param bytes string
---@param into? table  filled and returned in place of a new table
---@return pcap.header.ethernet|nil header
---@return string|nil message
function decode.decode_ethernet(bytes, into) end

---Decodes an IPv4 header, as pcaplua does.
---@param bytes string
---@param into? table  filled and returned in place of a new table
---@return pcap.header.ip|nil header
---@return string|nil message
function decode.decode_ip(bytes, into) end

---Decodes a TCP header, as pcaplua does.
---@param bytes string
---@param into? table  filled and returned in place of a new table
---@return pcap.header.tcp|nil header
---@return string|nil message
function decode.decode_tcp(bytes, into) end

---Decodes a UDP header, as pcaplua does.
---@param bytes string
---@param into? table  filled and returned in place of a new table
---@return pcap.header.udp|nil header
---@return string|nil message
function decode.decode_udp(bytes, into) end

---@class pcap.header.ethernet
---@field dst string  six bytes
---@field src string  six bytes
---@field type integer
---@field content string

---@class pcap.header.ip
---@field version integer
---@field header_size integer  bytes
---@field ToS integer
---@field total_length integer  bytes
---@field id integer
---@field dont_fragment boolean
---@field more_fragments boolean
---@field fragment_offset integer  units of 8 bytes
---@field ttl integer
---@field proto integer
---@field checksum integer
---@field src string  text
---@field dst string  text
---@field content string  without options and padding

---@class pcap.header.tcp
---@field source_port integer
---@field dest_port integer
---@field seq_num integer
---@field ack integer
---@field offset integer  bytes
---@field f_fin boolean
---@field f_syn boolean
---@field f_reset boolean
---@field f_push boolean
---@field f_ack boolean
---@field f_urg boolean
---@field window integer
---@field checksum integer
---@field urgent_pointer integer
---@field content string  without options

---@class pcap.header.udp
---@field source_port integer
---@field dest_port integer
---@field length integer  bytes
---@field checksum integer
---@field content string

---What is in a packet. Call it with a packet, or with a string and its bytes on the wire: it is
---filled again and returns itself. It has a view of each header, or nil.
---@class pcap.Layers
---@overload fun(pkt: pcap.Packet|string, wirelen?: integer): pcap.Layers
---@field linktype integer  the link type by which the packet was decoded
---@field payload_begin integer  position of the first captured byte after the last header, from 1
---@field payload_end integer  position of the last captured byte
---@field payload_length integer  bytes of payload by what the headers say, captured or not
---@field last? string  name of the last header that was decoded
---@field error? string  what is wrong with the packet
---@field inner? pcap.Layers  what is in a tunnel
---@field ah? pcap.view.ah
---@field arcnet? pcap.view.arcnet
---@field arp? pcap.view.arp
---@field ayiya? pcap.view.ayiya
---@field chdlc? pcap.view.chdlc
---@field cmd? pcap.view.cmd
---@field direction? pcap.view.direction
---@field docsis? pcap.view.docsis
---@field erspan? pcap.view.erspan
---@field esp? pcap.view.esp
---@field eth? pcap.view.eth
---@field etherip? pcap.view.etherip
---@field fabricpath? pcap.view.fabricpath
---@field fddi? pcap.view.fddi
---@field frame_relay? pcap.view.frame_relay
---@field geneve? pcap.view.geneve
---@field gre? pcap.view.gre
---@field gtp? pcap.view.gtp
---@field icmp? pcap.view.icmp
---@field icmpv6? pcap.view.icmpv6
---@field igmp? pcap.view.igmp
---@field ip? pcap.view.ip
---@field ipnet? pcap.view.ipnet
---@field l2tp? pcap.view.l2tp
---@field lisp? pcap.view.lisp
---@field llc? pcap.view.llc
---@field macsec? pcap.view.macsec
---@field mobility? pcap.view.mobility
---@field mpls? pcap.view.mpls
---@field nflog? pcap.view.nflog
---@field nsh? pcap.view.nsh
---@field null? pcap.view.null
---@field pbb? pcap.view.pbb
---@field pflog? pcap.view.pflog
---@field pim? pcap.view.pim
---@field pktap? pcap.view.pktap
---@field ppi? pcap.view.ppi
---@field ppp? pcap.view.ppp
---@field pppoe? pcap.view.pppoe
---@field prism? pcap.view.prism
---@field radiotap? pcap.view.radiotap
---@field sctp? pcap.view.sctp
---@field slarp? pcap.view.slarp
---@field slip? pcap.view.slip
---@field sll? pcap.view.sll
---@field tcp? pcap.view.tcp
---@field teredo? pcap.view.teredo
---@field token_ring? pcap.view.token_ring
---@field trill? pcap.view.trill
---@field udp? pcap.view.udp
---@field usb? pcap.view.usb
---@field vlan? pcap.view.vlan
---@field vntag? pcap.view.vntag
---@field vxlan? pcap.view.vxlan
---@field wireguard? pcap.view.wireguard
---@field wlan? pcap.view.wlan
local Layers = {}

---What comes after the last header, as far as it was captured.
---@return string|nil bytes  nil if the packet is no longer there
function Layers:payload() end

---A key that all packets of a flow share: addresses, ports and protocol, as bytes.
---@param either? boolean  true: the same key for both directions
---@return string|nil key  nil if there is no IP
function Layers:flow(either) end

---Verifies one checksum, or all that the packet has.
---@param name? "ip"|"tcp"|"udp"|"icmp"|"icmpv6"|"igmp"
---@return boolean|nil right  nil: it cannot be told
---@return string|nil which  without `name`, the layer that is wrong; or why it cannot be told
function Layers:verify(name) end

-- Headers. A view stays as it is until its layers object's next packet. Addresses are text. A name
-- with _bytes is the same address as a string of bytes, one with _number as a number. A field is
-- nil if the header does not have it.

---@class pcap.View
---@field begin integer  position of the header's first byte in the packet, from 1
---@field content_length integer  bytes after the header by what the headers say

---@class pcap.vlan_tag
---@field id integer
---@field priority integer
---@field drop_eligible boolean
---@field type integer

---@class pcap.mpls_label
---@field label integer
---@field traffic_class integer
---@field bottom boolean
---@field ttl integer

---@class pcap.gtp_extension
---@field type integer
---@field length integer  bytes

---@class pcap.igmp_record
---@field type integer
---@field group string
---@field sources string[]  addresses

---@class pcap.ndp_prefix
---@field prefix string
---@field length integer  bits
---@field on_link boolean
---@field autonomous boolean
---@field valid_lifetime integer  seconds
---@field preferred_lifetime integer  seconds

---@class pcap.ndp_option
---@field type integer
---@field data string  bytes

---The kinds as a list, and what the known kinds hold.
---@class pcap.tcp_options: { [integer]: integer }
---@field mss? integer  bytes
---@field window_scale? integer
---@field sack_permitted? true
---@field sack? integer[][]  pairs of edges
---@field tsval? integer
---@field tsecr? integer

---@class pcap.view.ah: pcap.View
---@field proto integer  after extension headers that follow
---@field spi integer
---@field seq_num integer

---@class pcap.view.arcnet: pcap.View
---@field src integer
---@field dst integer
---@field type integer
---@field split_flag? integer
---@field seq_num? integer

---@class pcap.view.arp: pcap.View
---@field opcode integer
---@field src string
---@field dst string
---@field src_bytes string
---@field dst_bytes string
---@field src_hw string
---@field dst_hw string
---@field src_hw_bytes string
---@field dst_hw_bytes string
---@field hardware_type integer
---@field protocol_type integer
---@field hardware_size integer
---@field protocol_size integer

---@class pcap.view.ayiya: pcap.View
---@field identity_type integer
---@field identity? string  bytes
---@field hash_method integer
---@field auth_method integer
---@field opcode integer
---@field next_header integer
---@field epoch integer

---@class pcap.view.chdlc: pcap.View
---@field address integer
---@field control integer
---@field type integer

---@class pcap.view.cmd: pcap.View
---@field version integer
---@field length integer
---@field options integer
---@field sgt integer
---@field type integer

---@class pcap.view.direction: pcap.View
---@field sent boolean

---@class pcap.view.docsis: pcap.View
---@field type integer
---@field parameter integer
---@field has_extension boolean
---@field mac_parameter integer
---@field length integer

---@class pcap.view.erspan: pcap.View
---@field type integer  1 to 3; type I has no header
---@field version? integer
---@field vlan? integer
---@field cos? integer
---@field truncated? boolean
---@field session? integer
---@field index? integer  of type II
---@field timestamp? integer  of type III
---@field sgt? integer  of type III
---@field frame_type? integer  of type III
---@field hardware_id? integer  of type III
---@field direction? integer  of type III

---@class pcap.view.esp: pcap.View
---@field spi integer
---@field seq_num integer

---@class pcap.view.eth: pcap.View
---@field dst string
---@field src string
---@field dst_bytes string
---@field src_bytes string
---@field dst_number integer
---@field src_number integer
---@field type integer
---@field tag? integer  of a switch's chip (DSA)

---@class pcap.view.etherip: pcap.View
---@field version integer

---@class pcap.view.fabricpath: pcap.View
---@field ftag integer
---@field ttl integer

---@class pcap.view.fddi: pcap.View
---@field frame_control integer
---@field dst string
---@field src string
---@field dst_bytes string
---@field src_bytes string

---@class pcap.view.frame_relay: pcap.View
---@field dlci integer
---@field cr boolean
---@field fecn boolean
---@field becn boolean
---@field de boolean
---@field nlpid? integer  nil in Cisco's encapsulation

---@class pcap.view.geneve: pcap.View
---@field type integer
---@field vni integer

---@class pcap.view.gre: pcap.View
---@field flags integer
---@field version integer
---@field type integer
---@field checksum? integer
---@field key? integer
---@field seq_num? integer
---@field call_id? integer  of version 1 (PPTP)
---@field ack_num? integer  of version 1 (PPTP)
---@field vsid? integer
---@field flow_id? integer

---@class pcap.view.gtp: pcap.View
---@field flags integer
---@field version integer
---@field message_type integer
---@field length integer  bytes
---@field teid integer
---@field seq_num? integer
---@field npdu? integer
---@field next_extension? integer
---@field extensions pcap.gtp_extension[]  in their order
---@field pdu_type? integer  of a PDU session
---@field qfi? integer  of a PDU session

---@class pcap.view.icmp: pcap.View
---@field type integer
---@field code integer
---@field checksum integer
---@field id? integer
---@field seq? integer
---@field gateway? string  of a redirect
---@field mtu? integer  of fragmentation needed, bytes
---@field pointer? integer  of a parameter problem
---@field quoted? pcap.Layers  the packet that an error quotes

---@class pcap.view.icmpv6: pcap.View
---@field type integer
---@field code integer
---@field checksum integer
---@field id? integer  of an echo
---@field seq? integer  of an echo
---@field mtu? integer  of packet too big, or of the option, bytes
---@field pointer? integer
---@field quoted? pcap.Layers  the packet that an error quotes
---@field group? string  of multicast listeners
---@field target? string
---@field target_bytes? string
---@field destination? string
---@field destination_bytes? string
---@field source_link_address? string
---@field target_link_address? string
---@field f_router? boolean
---@field f_solicited? boolean
---@field f_override? boolean
---@field hop_limit? integer
---@field f_managed? boolean
---@field f_other? boolean
---@field router_lifetime? integer  seconds
---@field reachable_time? integer  milliseconds
---@field retrans_timer? integer  milliseconds
---@field prefixes? pcap.ndp_prefix[]
---@field options? pcap.ndp_option[]

---@class pcap.view.igmp: pcap.View
---@field type integer
---@field version integer  1 to 3
---@field max_resp? integer
---@field checksum integer
---@field group? string
---@field group_bytes? string
---@field suppress? boolean  of a query of version 3
---@field qrv? integer  of a query of version 3
---@field qqic? integer  of a query of version 3
---@field sources? string[]  of a query of version 3: addresses
---@field records? pcap.igmp_record[]  of a report of version 3

---@class pcap.view.ip: pcap.View
---@field version integer
---@field header_size integer  bytes, of version 6 with its extension headers
---@field ToS integer
---@field total_length? integer  bytes, of version 4
---@field id? integer  nil for version 6 without a fragment header
---@field dont_fragment? boolean
---@field more_fragments boolean
---@field fragment_offset integer  units of 8 bytes
---@field is_fragment boolean
---@field ttl integer
---@field proto integer  for version 6, the one after the extension headers
---@field checksum? integer
---@field src string
---@field dst string
---@field src_bytes string
---@field dst_bytes string
---@field src_number? integer
---@field dst_number? integer
---@field options? string  bytes, of version 4
---@field is_routed boolean  whether a source route or a routing header has hops to come
---@field final_dst? string  the last address of such a route
---@field final_dst_bytes? string
---@field flow_label? integer
---@field payload_length? integer  bytes, of version 6
---@field next_header? integer
---@field routing_type? integer
---@field segments_left? integer  of a routing header
---@field home_address? string  a mobile node's
---@field home_address_bytes? string

---@class pcap.view.ipnet: pcap.View
---@field version integer
---@field family integer
---@field hook integer
---@field length integer
---@field interface integer
---@field group_interface integer
---@field src_zone integer
---@field dst_zone integer

---@class pcap.view.l2tp: pcap.View
---@field version integer  2 or 3
---@field is_control boolean
---@field flags integer
---@field length? integer
---@field tunnel? integer
---@field session? integer
---@field ccid? integer  of version 3
---@field ns? integer
---@field nr? integer

---@class pcap.view.lisp: pcap.View
---@field flags integer
---@field nonce? integer
---@field instance? integer

---@class pcap.view.llc: pcap.View
---@field dsap integer
---@field ssap integer
---@field control integer

---@class pcap.view.macsec: pcap.View
---@field flags integer
---@field is_encrypted boolean
---@field association integer
---@field short_length integer
---@field packet_number integer
---@field system? string
---@field port? integer

---@class pcap.view.mobility: pcap.View
---@field type integer
---@field next_header integer
---@field header_size integer
---@field checksum integer
---@field seq_num? integer  of a binding update or acknowledgement
---@field lifetime? integer  units of 4 seconds
---@field status? integer  of a binding acknowledgement

---@class pcap.view.mpls: pcap.View
---@field label integer
---@field traffic_class integer
---@field bottom boolean
---@field ttl integer
---@field count integer  how many labels there are
---@field labels pcap.mpls_label[]  all, the outermost first

---@class pcap.view.nflog: pcap.View
---@field family integer
---@field version integer
---@field resource_id integer
---@field prefix? string
---@field protocol? integer
---@field hook? integer
---@field input_interface? integer
---@field output_interface? integer
---@field uid? integer
---@field gid? integer

---@class pcap.view.nsh: pcap.View
---@field version integer
---@field is_oam boolean
---@field ttl integer
---@field length integer  bytes
---@field md_type integer
---@field next_protocol integer
---@field path integer
---@field index integer

---@class pcap.view.null: pcap.View
---@field family integer

---@class pcap.view.pbb: pcap.View
---@field isid integer
---@field priority integer
---@field drop_eligible boolean
---@field nca boolean
---@field dst string
---@field src string
---@field dst_bytes string
---@field src_bytes string
---@field type integer  the customer's

---@class pcap.view.pflog: pcap.View
---@field length integer  bytes
---@field family integer
---@field action integer
---@field reason integer
---@field interface string
---@field rule integer

---@class pcap.view.pim: pcap.View
---@field version integer
---@field type integer
---@field checksum integer
---@field is_border? boolean
---@field is_null? boolean

---@class pcap.view.pktap: pcap.View
---@field length integer  bytes
---@field record_type integer
---@field linktype integer
---@field interface string
---@field flags integer
---@field family integer
---@field pid integer
---@field command string
---@field service_class integer
---@field interface_type integer
---@field interface_unit integer
---@field effective_pid integer
---@field effective_command string

---@class pcap.view.ppi: pcap.View
---@field version integer
---@field flags integer
---@field length integer  bytes
---@field linktype integer  of what follows

---@class pcap.view.ppp: pcap.View
---@field proto integer

---@class pcap.view.pppoe: pcap.View
---@field code integer
---@field session integer
---@field length integer  bytes

---@class pcap.view.prism: pcap.View
---@field code integer
---@field length integer  bytes
---@field is_avs boolean  AVS's header, not Prism's

---@class pcap.view.radiotap: pcap.View
---@field version integer
---@field length integer  bytes
---@field present integer  the first bitmap
---@field flags integer
---@field is_padded boolean

---@class pcap.view.sctp: pcap.View
---@field source_port integer
---@field dest_port integer
---@field tag integer
---@field checksum integer

---@class pcap.view.slarp: pcap.View
---@field address? string  not of a keepalive
---@field type integer
---@field netmask? string  not of a keepalive
---@field seq_num? integer  of a keepalive
---@field seen? integer  of a keepalive
---@field reliability? integer  of a keepalive

---@class pcap.view.slip: pcap.View
---@field sent boolean
---@field compression integer

---@class pcap.view.sll: pcap.View
---@field packet_type integer
---@field hardware_type integer
---@field type integer
---@field src string
---@field src_bytes string
---@field address_length integer  bytes; if an address is longer than 8, src has the first 8
---@field version integer  1 or 2
---@field interface? integer  of version 2

---@class pcap.view.tcp: pcap.View
---@field source_port integer
---@field dest_port integer
---@field seq_num integer
---@field ack integer
---@field offset integer  bytes of the header
---@field flags integer
---@field f_fin boolean
---@field f_syn boolean
---@field f_reset boolean
---@field f_push boolean
---@field f_ack boolean
---@field f_urg boolean
---@field f_ece boolean
---@field f_cwr boolean
---@field window integer
---@field checksum integer
---@field urgent_pointer integer
---@field options pcap.tcp_options

---@class pcap.view.teredo: pcap.View
---@field has_authentication boolean
---@field has_origin boolean
---@field origin_port? integer
---@field origin_address? string

---@class pcap.view.token_ring: pcap.View
---@field access_control integer
---@field frame_control integer
---@field dst string
---@field src string
---@field dst_bytes string
---@field src_bytes string
---@field is_routed boolean

---@class pcap.view.trill: pcap.View
---@field version integer
---@field is_multicast boolean
---@field hop_count integer
---@field egress integer
---@field ingress integer

---@class pcap.view.udp: pcap.View
---@field source_port integer
---@field dest_port integer
---@field length integer  bytes, with the header
---@field checksum integer

---@class pcap.view.usb: pcap.View

---@class pcap.view.vlan: pcap.View
---@field type integer
---@field id integer
---@field priority integer
---@field drop_eligible boolean
---@field count integer  how many tags there are
---@field tags pcap.vlan_tag[]  all, the outermost first

---@class pcap.view.vntag: pcap.View
---@field direction integer  1: from the bridge
---@field pointer boolean
---@field dst_vif integer
---@field looped boolean
---@field version integer
---@field src_vif integer
---@field type integer

---@class pcap.view.vxlan: pcap.View
---@field flags integer
---@field vni integer
---@field next_protocol? integer  of VXLAN-GPE

---@class pcap.view.wireguard: pcap.View
---@field type integer
---@field sender? integer
---@field receiver? integer
---@field counter? number

---@class pcap.view.wlan: pcap.View
---@field type integer
---@field subtype integer
---@field flags integer
---@field to_ds boolean
---@field from_ds boolean
---@field more_fragments boolean
---@field retry boolean
---@field power_management boolean
---@field more_data boolean
---@field protected boolean
---@field duration integer
---@field receiver string
---@field transmitter? string
---@field dst? string
---@field src? string
---@field bssid? string
---@field receiver_bytes string
---@field transmitter_bytes? string
---@field dst_bytes? string
---@field src_bytes? string
---@field bssid_bytes? string
---@field seq_num? integer
---@field fragment_number? integer
---@field tid? integer  of QoS data
---@field is_aggregate boolean  several frames in one: dst and src are the first one's

--- The table of dispatch says which file of this folder decodes what follows a header.
--
-- A protocol is a file that returns a table with `name`, its key in the layers object; `view`, the
-- type that pcap.decode.view made of its fields, if it has any; and
--
--     decode(layers, header, data, at, limit, stop, number)
--
-- `layers` is the object to fill, `header` a view of the protocol's own, and `data` the packet. The
-- header begins at `at`. The captured bytes end at `limit`: none at or after it may be read. They
-- would end at `stop` if all had been captured. `number` is the number that led here.
--
-- It returns a space of this table and a number in it (nil and nil: nothing more is known), and
-- `at`, `limit` and `stop` for what follows. follow.lua has what several protocols return. A space
-- with `inner_` before its name is the same space for what is in a tunnel: the object in
-- layers.inner goes on there. `layers.spaces` is this table as the object has it; a decoder may ask
-- it what it knows.
--
-- Positions are arguments and results, not fields of an object. So compiled code knows at compile
-- time where a header begins, and has nothing to load or store between two headers.

return {
  -- Link types: libpcap's DLT_ numbers. RAW is 12 or 14, depending on the system, and 101 in files.
  linktype = {
    [0] = "null",
    [1] = "ethernet",
    [6] = "token_ring",
    [7] = "arcnet",
    [8] = "slip",
    [9] = "ppp",
    [10] = "fddi",
    [11] = "link_prefix",
    [12] = "raw",
    [14] = "raw",
    [15] = "slip",
    [19] = "link_prefix",
    [50] = "ppp",
    [51] = "pppoe",
    [101] = "raw",
    [104] = "chdlc",
    [105] = "wlan",
    [107] = "frame_relay",
    [108] = "null",
    [109] = "link_prefix",
    [113] = "sll",
    [117] = "pflog",
    [119] = "prism",
    [122] = "link_prefix",
    [123] = "link_prefix",
    [127] = "radiotap",
    [129] = "arcnet",
    [138] = "link_prefix",
    [143] = "docsis",
    [163] = "prism",
    [166] = "direction",
    [186] = "usb",
    [189] = "usb",
    [192] = "ppi",
    [204] = "direction",
    [205] = "direction",
    [206] = "direction",
    [219] = "mpls",
    [220] = "usb",
    [226] = "ipnet",
    [228] = "ipv4",
    [229] = "ipv6",
    [239] = "nflog",
    [242] = "link_prefix",
    [249] = "usb",
    [258] = "pktap",
    [266] = "usb",
    [276] = "sll",
    [281] = "dsa",
    [282] = "link_prefix",
    [284] = "dsa",
    [285] = "dsa",
    [288] = "usb",
  },

  ethertype = {
    [0x0800] = "ipv4",
    [0x0806] = "arp",
    [0x22f3] = "trill",
    [0x6558] = "bridged",
    [0x8035] = "arp",
    [0x8100] = "vlan",
    [0x86dd] = "ipv6",
    [0x8847] = "mpls",
    [0x8848] = "mpls",
    [0x8863] = "pppoe",
    [0x8864] = "pppoe",
    [0x88a8] = "vlan",
    [0x88e5] = "macsec",
    [0x88e7] = "pbb",
    [0x8903] = "fabricpath",
    [0x8909] = "cmd",
    [0x8926] = "vntag",
    [0x894f] = "nsh",
    [0x9100] = "vlan",
  },

  llc = {
    [0] = "llc",
  },

  -- LLC's destination service access point.
  sap = {
    [0x06] = "ipv4",
    [0xfe] = "nlpid",
  },

  -- ISO's identifiers of network layer protocols.
  nlpid = {
    [0x8e] = "ipv6",
    [0xcc] = "ipv4",
    [0xcf] = "ppp",
  },

  -- Types of Cisco's HDLC that are no EtherTypes.
  chdlc = {
    [0x8035] = "slarp",
  },

  ppp = {
    [0x0021] = "ipv4",
    [0x0057] = "ipv6",
    [0x0281] = "mpls",
    [0x0283] = "mpls",
  },

  -- The protocol field of IPv4, the next header of IPv6.
  ip = {
    [0] = "ipv6_extension",
    [1] = "icmp",
    [2] = "igmp",
    [4] = "ipip",
    [6] = "tcp",
    [17] = "udp",
    [41] = "ipip",
    [43] = "ipv6_extension",
    [44] = "ipv6_extension",
    [47] = "gre",
    [50] = "esp",
    [51] = "ah",
    [58] = "icmpv6",
    [60] = "ipv6_extension",
    [62] = "mobility", -- before it got a number of its own
    [97] = "etherip",
    [103] = "pim",
    [115] = "l2tp",
    [132] = "sctp",
    [135] = "mobility",
    [137] = "mpls",
    [139] = "ipv6_extension",
    [140] = "ipv6_extension",
    [143] = "bridged",
  },

  -- Protocols of which a quoted packet has the whole header.
  segment = {
    [6] = "tcp",
  },

  -- GRE's protocol types that are no EtherTypes.
  gre = {
    [0x22eb] = "erspan",
    [0x883e] = "wccp",
    [0x88be] = "erspan",
  },

  -- NSH's numbers of what follows, which VXLAN-GPE has too.
  nsh = {
    [1] = "ipv4",
    [2] = "ipv6",
    [3] = "ethernet",
    [4] = "nsh",
    [5] = "mpls",
  },

  -- Ports: the destination's first, else the source's.
  tcp = {},
  sctp = {},
  udp = {
    [1701] = "l2tp",
    [2123] = "gtp",
    [2152] = "gtp",
    [3544] = "teredo",
    [4341] = "lisp",
    [4500] = "udpencap",
    [4754] = "gre_in_udp",
    [4789] = "vxlan",
    [4790] = "vxlan_gpe",
    [5072] = "ayiya",
    [6081] = "geneve",
    [6635] = "mpls",
    [51820] = "wireguard",
  },
}

local ffi = require "ffi"
local decode = require "pcap.decode"
local packets = require "pcap.packet"
local pcap = require "pcap"
local frames = require "spec.support.frames"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"
local tunnels = require "spec.support.tunnels"

local hex = frames.hex
local kinds = frames.kinds()

describe("pcaplua's functions", function()
  local tcp = frames.tcp("hello", { options = hex "020405b4", flags = 0x29, window = 501 })
  local ip = frames.ipv4(6, tcp, { options = hex "94040000", tos = 0x10, ttl = 9 })
  local packet = frames.ethernet(0x0800, ip .. "padding")

  it("give the fields of each header by pcaplua's names, in host order", function()
    local eth = decode.decode_ethernet(packet)
    assert.same({ dst = hex "02005e100001", src = hex "06aabbccddee", type = 0x0800,
      content = ip .. "padding" }, eth)
    local header = decode.decode_ip(eth.content)
    local sum = header.checksum
    assert.same({ version = 4, header_size = 24, ToS = 0x10, total_length = #ip, id = 0x1234,
      dont_fragment = true, more_fragments = false, fragment_offset = 0, ttl = 9, proto = 6,
      checksum = ip:byte(11) * 256 + ip:byte(12), src = "192.0.2.7", dst = "198.51.100.200",
      content = tcp }, header)
    assert.is_true(sum > 0)
    assert.same({ source_port = 49152, dest_port = 80, seq_num = 0xfedcba98, ack = 0x89abcdef,
      offset = 24, f_fin = true, f_syn = false, f_reset = false, f_push = true, f_ack = false,
      f_urg = true, window = 501, checksum = tcp:byte(17) * 256 + tcp:byte(18),
      urgent_pointer = 0, content = "hello" }, decode.decode_tcp(header.content))
    local udp = frames.udp("datagram") .. "padding"
    assert.same({ source_port = 40000, dest_port = 40001, length = 16,
      checksum = udp:byte(7) * 256 + udp:byte(8), content = "datagram" }, decode.decode_udp(udp))
  end)

  it("fill and return the table they are given, and leave its other keys", function()
    local into = { mine = 1, ttl = "stale" }
    assert.equal(into, decode.decode_ip(ip, into))
    assert.equal(into, decode.decode_tcp(tcp, into))
    assert.same({ 1, 9, 80 }, { into.mine, into.ttl, into.dest_port })
  end)

  it("give nil and a message for every packet that is too short", function()
    local needed = { decode_ethernet = { packet, 14 }, decode_ip = { ip, 24 },
      decode_tcp = { tcp, 24 }, decode_udp = { frames.udp("x"), 8 } }
    for name, case in pairs(needed) do
      for size = 0, case[2] - 1 do
        local header, message = decode[name](case[1]:sub(1, size))
        assert.is_nil(header)
        assert.is_truthy(message:find(("in a packet of %d"):format(size), 1, true), message)
      end
      assert.is_table(decode[name](case[1]:sub(1, case[2])))
    end
  end)

  it("give nil and a message for lengths that cannot be", function()
    for _, case in ipairs {
      { "decode_ip", "\101" .. ip:sub(2), "not an IPv4 packet: version 6" },
      { "decode_ip", "\68" .. ip:sub(2), "ip header size of 16 is less than 20" },
      { "decode_ip", frames.ipv4(6, "", { length = 19 }),
        "ip total length of 19 is less than the header's 20" },
      { "decode_tcp", tcp:sub(1, 12) .. "\64" .. tcp:sub(14),
        "tcp data offset of 16 is less than 20" },
      { "decode_udp", frames.udp("", { length = 7 }),
        "udp length of 7 is less than the header's 8" },
    } do
      assert.same({ nil, case[3] }, { decode[case[1]](case[2]) })
    end
  end)

  it("give what was captured where a length tells more, or nothing", function()
    assert.equal("hel", decode.decode_ip(frames.ipv4(6, "hello"):sub(1, -3)).content)
    assert.equal("all of it", decode.decode_ip(frames.ipv4(6, "all of it", { length = 0 })).content)
    assert.equal("all", decode.decode_udp(frames.udp("all", { length = 0 })).content)
  end)

  it("name themselves and the argument when misused, at the caller's line", function()
    for _, name in ipairs { "decode_ethernet", "decode_ip", "decode_tcp", "decode_udp" } do
      local ok, message = pcall(function() decode[name](42) end)
      assert.is_false(ok)
      assert.is_truthy(message:find("decode_spec.lua:%d+: bad argument #1 to '" .. name
        .. "' %(string expected, got number%)"), message)
      ok, message = pcall(function() decode[name](packet, "x") end)
      assert.is_false(ok)
      assert.is_truthy(message:find("decode_spec.lua:%d+: bad argument #2 to '" .. name), message)
    end
  end)
end)

describe("layers", function()
  it("has a view of each header the packet has, and nil for all others", function()
    local layers = decode.layers()
    assert.equal(layers, layers(kinds["TCP"]))
    assert.equal("06:aa:bb:cc:dd:ee", layers.eth.src)
    assert.equal("192.0.2.7", layers.ip.src)
    assert.equal(80, layers.tcp.dest_port)
    assert.same({}, { layers.udp, layers.arp, layers.vlan, layers.error, layers.inner })
    layers(kinds["ARP request"])
    assert.equal("198.51.100.200", layers.arp.dst)
    assert.is_nil(layers.ip)
    assert.is_nil(layers.tcp)
  end)

  it("is printed as the names of its headers, in their order", function()
    local layers = decode.layers()
    assert.equal("pcap layers: ", tostring(layers))
    local ip = frames.ipv4(6, frames.tcp "")
    assert.equal("pcap layers: eth, ip, tcp", tostring(layers(frames.ethernet(0x0800, ip))))
    layers.number = 5ULL -- as a protocol of the user's may leave it
    assert.equal("pcap layers: eth, ip, tcp", tostring(layers))
    local tunnel = frames.ipv4(47, "\0\0\8\0" .. ip)
    assert.equal("pcap layers: eth, ip, gre (ip, tcp)",
      tostring(layers(frames.ethernet(0x0800, tunnel))))
  end)

  it("tells where the payload is, in the positions that string.sub takes", function()
    local layers = decode.layers()
    for name, expected in pairs {
      ["TCP"] = "hello", ["TCP without data, padded"] = "", ["UDP of odd length, padded"] = "odd",
      ["802.1ad"] = "hello", ["IPv6, padded"] = "hello",
      ["IPv4 of no known protocol"] = "whatever",
      ["last fragment"] = ("f"):rep(16), ["IPv6 later fragment"] = ("f"):rep(16),
    } do
      layers(kinds[name])
      assert.equal(expected, layers:payload(), name)
      assert.equal(expected, kinds[name]:sub(layers.payload_begin, layers.payload_end), name)
      assert.equal(#expected, layers.payload_length, name)
    end
  end)

  it("ends the payload where the innermost length ends it", function()
    local layers = decode.layers()
    local long = frames.ipv4(17, frames.udp("data", { length = 12 }) .. "more of IP")
    layers(frames.ethernet(0x0800, long .. "padding"))
    assert.same({ "data", 4, 22, nil }, { layers:payload(), layers.udp.content_length,
      layers.ip.content_length, layers.error })
    layers(kinds["LLC"]) -- whose length is 4, of a frame padded to 60
    assert.same({ 0x42, "\0", 1, nil }, { layers.llc.dsap, layers:payload(),
      layers.payload_length, layers.error })
    layers(frames.ethernet(0x8864, hex "1100 0042 0006 c021 0901 0004" .. ("\0"):rep(30)))
    assert.same({ 0xc021, hex "09010004", 6 }, { layers.ppp.proto, layers:payload(),
      layers.pppoe.content_length })
  end)

  it("takes no packet for longer or shorter than it was", function()
    local layers = decode.layers()
    for more, expected in pairs { [0] = false, [1] = "ip: total length is more than there was" } do
      local ip = frames.ipv4(6, frames.tcp("hello"))
      ip = frames.ipv4(6, frames.tcp("hello"), { length = #ip + more })
      assert.equal(expected, layers(frames.ethernet(0x0800, ip)).error or false)
    end
    layers(frames.ethernet(0x88cc, "lldp"), 3) -- a wire length that is a lie
    assert.same({ "lldp", 4 }, { layers:payload(), layers.payload_length })
  end)

  it("counts what each header has behind it, extension headers as part of IPv6's", function()
    local layers = decode.layers()
    layers(kinds["IPv6 three extensions"])
    assert.same({ 40 + 8 + 24 + 8, 25, 6, 0 }, { layers.ip.header_size,
      layers.ip.content_length, layers.ip.proto, layers.ip.next_header })
    layers(kinds["VXLAN"])
    assert.equal(layers.inner.eth.content_length + 14, layers.vxlan.content_length)
    assert.equal(layers.vxlan.content_length + 8, layers.udp.content_length)
    assert.equal(kinds["VXLAN"]:sub(layers.inner.eth.begin, layers.inner.eth.begin + 5),
      layers.inner.eth.dst_bytes)
  end)

  it("knows from lengths what of a payload was not captured", function()
    local layers = decode.layers()
    layers(kinds["TCP"]:sub(1, -3), #kinds["TCP"])
    assert.is_nil(layers.error)
    assert.same({ "hel", 5 }, { layers:payload(), layers.payload_length })
    assert.equal(5, layers.tcp.content_length)
  end)

  it("tells how far it came in a packet that is cut, and why", function()
    local layers = decode.layers()
    for size, expected in pairs {
      [0] = { nil, "eth: header cut short" }, [13] = { nil, "eth: header cut short" },
      [14] = { "eth", "ip: header cut short" }, [33] = { "eth", "ip: header cut short" },
      [34] = { "ip", "tcp: header cut short" }, [53] = { "ip", "tcp: header cut short" },
      [54] = { "tcp", nil },
    } do
      layers(kinds["TCP"]:sub(1, size), #kinds["TCP"])
      assert.same({ expected[1], expected[2] }, { layers.last, layers.error }, size)
    end
  end)

  it("has the fixed part of a header whose other parts are cut", function()
    local all, layers = tunnels.kinds(), decode.layers()
    for name, bytes in pairs(kinds) do all[name] = bytes end
    for name, case in pairs {
      ["Geneve"] = { 52, "geneve", "vni", 0x42, "geneve: options cut short" },
      ["GTP-U with an extension"] = { 55, "gtp", "teid", 0x42, "gtp: extension header cut short" },
      ["NSH"] = { 24, "nsh", "path", 0x309, "nsh: context cut short" },
      ["TRILL with options"] = { 22, "trill", "ingress", 2, "trill: options cut short" },
      ["IPv6 binding update"] = { 64, "mobility", "seq_num", 7, "mobility: options cut short" },
      ["IPv6 authenticated"] = { 67, "ah", "seq_num", 2, "ah: check value cut short" },
      ["GRE with source routes"] = { 48, "gre", "key", 7, "gre: source routes cut short" },
    } do
      local size, layer, field, value, message = unpack(case)
      layers(all[name]:sub(1, size), #all[name])
      assert.same({ layer, value, message, "" },
        { layers.last, layers[layer] and layers[layer][field], layers.error, layers:payload() },
        name)
    end
  end)

  it("knows from a radio's header whether a check sequence ends the frame", function()
    local encrypted = hex "0842 0000" .. ("a"):rep(18) .. hex "1000" .. ("e"):rep(40) .. "FCS!"
    local position = hex "3275 0300 010203" -- a field that may come first; not aligned
    local function common(flags)
      return hex "0200 1400" .. ("\0"):rep(8) .. flags .. ("\0"):rep(11)
    end
    local function ppi(fields, flags)
      return "\0" .. (flags or "\0") .. string.char(8 + #fields) .. hex "00 69000000" .. fields
    end
    for i, case in ipairs {
      { 192, ppi(common "\1"), 40 }, { 192, ppi(common "\0"), 44 }, { 192, ppi "", 44 },
      { 192, ppi(position .. common "\1"), 40 },
      { 192, ppi(position .. "\0" .. common "\1", "\1"), 40 },
      { 192, ppi(position .. common("\1"):sub(1, 23)), 44 },
      { 127, hex "0000 0900 02000000 10", 40 }, { 127, hex "0000 0900 02000000 00", 44 },
    } do
      local layers = decode.layers(case[1])(case[2] .. encrypted)
      assert.same({ "wlan", case[3] }, { layers.last, layers.payload_length }, i)
    end
  end)

  it("calls odd lengths an error and decodes on where it can", function()
    local layers = decode.layers()
    local function ip4(...) return frames.ethernet(0x0800, frames.ipv4(...)) end
    for _, case in ipairs {
      { ip4(6, frames.tcp("x"), { length = 4000 }), "ip: total length is more than there was", 80 },
      { ip4(6, frames.tcp("x"), { length = 19 }),
        "ip: total length is less than the header's" },
      { frames.ethernet(0x86dd, frames.ipv6(6, frames.tcp("x"), { length = 4000 })),
        "ip: payload length is more than there was", 80 },
      { ip4(17, frames.udp("x", { length = 4000 })), "udp: length is more than there was" },
      { ip4(17, frames.udp("x", { length = 7 })), "udp: length is less than the header's" },
      { frames.ethernet(0x86dd, frames.ipv4(6, "")), "ip: header cut short" },
      { frames.ethernet(0x86dd, frames.ipv4(6, frames.tcp("x"))), "ip: version is not 6" },
      { frames.ethernet(0x0800, ("P"):rep(40)), "ip: version is not 4" },
    } do
      layers(case[1])
      assert.equal(case[2], layers.error)
      assert.equal(case[3], layers.tcp and layers.tcp.dest_port)
    end
  end)

  it("takes no EtherType for a length", function()
    local layers = decode.layers()
    local snap = hex "aaaa03 000000 0800" .. frames.ipv4(6, frames.tcp("hello"))
    for ethertype, expected in pairs { [1500] = "tcp", [1501] = "eth", [1535] = "eth" } do
      assert.equal(expected, layers(frames.ethernet(ethertype, snap)).last)
    end
    layers(frames.ethernet(8 + #snap, snap .. "padding..")) -- the content ends with the length
    assert.equal(8 + #snap, layers.eth.content_length)
    layers(frames.ethernet(0x8100, frames.vlan(1, #snap, snap .. "padding")))
    assert.equal(#snap, layers.vlan.content_length)
  end)

  it("takes a jumbogram's length of 0 for open, no other packet's", function()
    local layers = decode.layers()
    local tcp = frames.tcp("hello", { v6 = true })
    local jumbo = hex "06 00 c2 04 0000001d"
    layers(frames.ethernet(0x86dd, frames.ipv6(0, jumbo .. tcp, { length = 0 })))
    assert.same({ "hello", nil }, { layers:payload(), layers.error })
    layers(frames.ethernet(0x86dd, frames.ipv6(59, "", { length = 0 }) .. "padding"))
    assert.same({ "", 0, nil }, { layers:payload(), layers.payload_length, layers.error })
  end)

  it("takes any length on the wire", function()
    local layers = decode.layers()
    for _, wirelen in ipairs { 2 ^ 31 - 1, 2 ^ 31, 2 ^ 32 - 1 } do
      layers(frames.ethernet(0x88cc, "lldp"), wirelen)
      assert.equal(2 ^ 31 - 1 - 14, layers.payload_length)
      layers(frames.ethernet(0x0800, frames.ipv4(6, frames.tcp("x"), { length = 4000 })), wirelen)
      assert.is_nil(layers.error)
    end
  end)

  it("has no limit to the height of a stack", function()
    local layers = decode.layers()
    for _, count in ipairs { 1, 7, 8, 9, 10, 11, 30, 200 } do
      layers(frames.high_stack(count))
      assert.same({ "hello", 40 + 8 * count }, { layers:payload(), layers.ip.header_size })
    end
  end)

  it("gives every field for a key in a variable, compiled or not", function()
    local layers = decode.layers()
    local cases = {
      [kinds["TCP"]] = { tcp = { "vni", "tag", "begin", "content_length" } },
      [kinds["IPv6 three extensions"]] = { ip = { "checksum", "options", "header_size", "proto" } },
      [kinds["three tags"]] = { vlan = { "vni", "tag", "count", "begin" } },
    }
    for bytes, views in pairs(cases) do
      for name, keys in pairs(views) do
        local seen = 0
        for _ = 1, 500 do
          local header = layers(bytes)[name]
          for i = 1, #keys do
            if header[keys[i]] ~= nil then seen = seen + 1 end
          end
        end
        assert.equal(1000, seen, name)
      end
    end
  end)

  it("has what is in a tunnel in layers.inner, tunnels in it in inner.inner", function()
    local layers = decode.layers()
    layers(kinds["VXLAN"])
    assert.same({ 0xabcd, 4789 }, { layers.vxlan.vni, layers.udp.dest_port })
    assert.is_nil(layers.tcp)
    assert.same({ "192.0.2.7", 80, "hello" },
      { layers.inner.ip.src, layers.inner.tcp.dest_port, layers.inner:payload() })
    local twice = frames.ipv4(4, frames.ipv4(4, frames.ipv4(6, frames.tcp("deep"))))
    layers(frames.ethernet(0x0800, twice))
    assert.equal(4, layers.inner.ip.proto)
    assert.is_nil(layers.inner.tcp)
    assert.same({ 80, "deep" }, { layers.inner.inner.tcp.dest_port, layers.inner.inner:payload() })
    assert.is_nil(layers.inner.inner.inner)
    assert.is_nil(layers(kinds["TCP"]).inner)
    layers(frames.ethernet(0x0800, frames.ipv4(4, ""))) -- a tunnel that carries nothing
    assert.same({ "ip", nil, nil }, { layers.last, layers.inner, layers.error })
  end)

  it("has as many levels of tunnels as there are", function()
    local layers = decode.layers()
    for _, count in ipairs { 3, 1000, 2, 30 } do
      local packet = frames.ipv4(6, frames.tcp("deep"))
      for i = 1, count do
        packet = frames.ipv4(4, packet, { ttl = i % 256 })
      end
      layers(frames.ethernet(0x0800, packet))
      local object, level = layers, count
      while object.inner do
        assert.equal(level % 256, object.ip.ttl)
        object, level = object.inner, level - 1
      end
      assert.same({ 0, 80, "deep" }, { level, object.tcp.dest_port, object:payload() })
    end
    assert.is_nil(layers(kinds["TCP"]).inner)
  end)

  it("marks fragments and leaves later ones undecoded", function()
    local layers = decode.layers()
    for name, expected in pairs {
      ["TCP"] = { false, false, 0 }, ["first fragment"] = { true, true, 0 },
      ["later fragment"] = { true, true, 185 }, ["last fragment"] = { true, false, 370 },
      ["IPv6 first fragment"] = { true, true, 0 }, ["IPv6 later fragment"] = { true, true, 169 },
    } do
      local ip = layers(kinds[name]).ip
      assert.same(expected, { ip.is_fragment, ip.more_fragments, ip.fragment_offset }, name)
      assert.equal(expected[3] == 0, (layers.udp or layers.tcp) ~= nil, name)
      assert.is_nil(layers.error, name)
    end
  end)

  it("gives addresses as bytes and numbers too", function()
    local layers = decode.layers()
    local tcp = layers(kinds["TCP"])
    assert.equal(frames.SRC4, tcp.ip.src_bytes)
    assert.equal(0xc0000207, tcp.ip.src_number)
    assert.equal(0xc63364c8, tcp.ip.dst_number)
    assert.equal(0x06aabbccddee, tcp.eth.src_number)
    assert.equal(hex "02005e100001", tcp.eth.dst_bytes)
    layers(kinds["IPv6 TCP"])
    assert.equal(frames.DST6, layers.ip.dst_bytes)
    assert.is_nil(layers.ip.dst_number)
  end)

  it("gives all VLAN tags, and the outermost one's fields by themselves", function()
    local vlan = decode.layers()(kinds["802.1ad"]).vlan
    assert.same({ 100, 0, true, 0x8100 }, { vlan.id, vlan.priority, vlan.drop_eligible, vlan.type })
    assert.same({ { id = 100, priority = 0, drop_eligible = true, type = 0x8100 },
      { id = 4095, priority = 5, drop_eligible = false, type = 0x86dd } }, vlan.tags)
    assert.equal(2, vlan.count)
  end)

  it("gives the options of TCP", function()
    local layers = decode.layers()
    assert.same({ 2, 4, 8, 1, 3, mss = 1460, sack_permitted = true, tsval = 0x11223344,
      tsecr = 0x55667788, window_scale = 7 }, layers(kinds["TCP with options"]).tcp.options)
    assert.same({ 1, 1, 5, sack = { { 16, 32 }, { 0xf0000030, 0xf0000040 } } },
      layers(kinds["TCP with SACK"]).tcp.options)
  end)

  it("keeps a view as it is when the capture is read on or closed", function()
    local folder, remove = shell.folder()
    finally(remove)
    local path = shell.write(folder .. "/two.pcap", savefile.header()
      .. savefile.record(kinds["TCP"]) .. savefile.record(("\255"):rep(60)))
    local cap = assert(pcap.open_offline(path))
    local layers = decode.layers(cap:datalink())
    layers(cap:next_packet())
    assert.equal("hello", layers:payload())
    cap:next_packet()
    assert.same({ 80, "192.0.2.7" }, { layers.tcp.dest_port, layers.ip.src })
    cap:close()
    assert.same({ 80, "192.0.2.7" }, { layers.tcp.dest_port, layers.ip.src })
    assert.is_nil(layers:payload())
    assert.is_nil((layers:verify("tcp")))
  end)

  it("does not mix up objects, nor an object's packets", function()
    local one, other = decode.layers(), decode.layers()
    one(kinds["TCP"])
    other(kinds["UDP"])
    assert.same({ 80, nil }, { one.tcp.dest_port, one.udp })
    assert.equal(40001, other.udp.dest_port)
  end)

  it("says of a link type it does not know that it is not decoded", function()
    local layers = decode.layers(147)("anything")
    assert.same({ nil, "link type 147 is not decoded", "anything" },
      { layers.last, layers.error, layers:payload() })
  end)

  it("refuses what is neither a packet nor a string, at the caller's line", function()
    local layers = decode.layers()
    for _, bad in ipairs { 42, {}, false } do
      local ok, message = pcall(function() layers(bad) end)
      assert.is_false(ok)
      assert.is_truthy(message:find("^[^:]*decode_spec.lua:%d+: bad argument #1 to 'layers' "
        .. "%(packet or string expected, got " .. type(bad) .. "%)$"), message)
    end
    local ok, message = pcall(function() layers("bytes", -1) end)
    assert.is_false(ok)
    assert.is_truthy(message:find("^[^:]*decode_spec.lua:%d+: bad argument #2 to 'layers'"),
      message)
    ok, message = pcall(function() decode.layers("EN10MB") end)
    assert.is_false(ok)
    assert.is_truthy(message:find("^[^:]*decode_spec.lua:%d+: bad argument #1 to 'layers' "
      .. "%(number expected, got string%)$"), message)
  end)
end)

describe("layers:flow", function()
  local layers = decode.layers()
  local function both(tcp, tcp_back, ip, ip_back, either)
    local there = layers(ip(tcp)):flow(either)
    return there, layers(ip_back(tcp_back)):flow(either)
  end

  local function four(src, dst)
    return function(segment)
      return frames.ethernet(0x0800, frames.ipv4(6, segment, { src = src, dst = dst }))
    end
  end

  local function six(src, dst)
    return function(segment)
      return frames.ethernet(0x86dd, frames.ipv6(6, segment, { src = src, dst = dst }))
    end
  end

  local out = frames.tcp("", { sport = 9, dport = 7 })
  local back = frames.tcp("", { sport = 7, dport = 9 })
  local pairs_of_addresses = {
    { four(frames.SRC4, frames.DST4), four(frames.DST4, frames.SRC4) },
    { four(frames.DST4, frames.SRC4), four(frames.SRC4, frames.DST4) },
    { four(frames.DST4, frames.DST4), four(frames.DST4, frames.DST4) },
    { six(frames.SRC6, frames.DST6), six(frames.DST6, frames.SRC6) },
    { six(frames.DST6, frames.SRC6), six(frames.SRC6, frames.DST6) },
    { six(frames.DST6, frames.DST6), six(frames.DST6, frames.DST6) },
  }

  it("tells the directions apart unless asked not to", function()
    for _, pair in ipairs(pairs_of_addresses) do
      local there, home = both(out, back, pair[1], pair[2])
      assert.not_equal(there, home)
      there, home = both(out, back, pair[1], pair[2], true)
      assert.equal(there, home)
    end
  end)

  it("is the same for packets of a flow, and another for each part of the five", function()
    local seen = {}
    local udp = frames.udp("", { sport = 9, dport = 7 })
    for name, bytes in pairs {
      plain = four(frames.SRC4, frames.DST4)(out), src = four(frames.DST4, frames.DST4)(out),
      dst = four(frames.SRC4, frames.SRC4)(out), ports = four(frames.SRC4, frames.DST4)(back),
      proto = frames.ethernet(0x0800, frames.ipv4(17, udp)),
      v6 = six(frames.SRC6, frames.DST6)(out),
      sport = four(frames.SRC4, frames.DST4)(frames.tcp("", { sport = 10, dport = 7 })),
      dport = four(frames.SRC4, frames.DST4)(frames.tcp("", { sport = 9, dport = 8 })),
    } do
      for _, either in ipairs { false, true } do
        local key = tostring(either) .. layers(bytes):flow(either)
        assert.is_nil(seen[key], name)
        seen[key] = name
      end
    end
    local data = frames.tcp("data", { sport = 9, dport = 7, seq = 1 })
    assert.equal(layers(four(frames.SRC4, frames.DST4)(out)):flow(),
      layers(four(frames.SRC4, frames.DST4)(data)):flow())
  end)

  it("has the protocol that an authentication header names", function()
    local ah = frames.hex "01 0000 00000001 00000002"
    local udp = frames.udp("", { sport = 9, dport = 7 })
    local function key(bytes) return layers(frames.ethernet(0x0800, bytes)):flow() end
    assert.equal(key(frames.ipv4(6, out)), key(frames.ipv4(51, "\6" .. ah .. out)))
    assert.equal(key(frames.ipv4(17, udp)), key(frames.ipv4(51, "\17" .. ah .. udp)))
    local function key6(proto, bytes)
      return layers(frames.ethernet(0x86dd, frames.ipv6(proto, bytes))):flow()
    end
    ah = frames.hex "3c 01 0000 00000001 00000002" -- with options behind it
    assert.equal(key6(6, out), key6(51, ah .. frames.hex "06 00 01 04 00000000" .. out))
    assert.same({ 6, #out, 51, 40 }, { layers.ah.proto, layers.ah.content_length,
      layers.ip.proto, layers.ip.header_size })
  end)

  it("is nil where there is no IP", function()
    assert.is_nil(layers(kinds["ARP request"]):flow())
  end)
end)

describe("layers:verify", function()
  local layers = decode.layers()

  it("tells the layer whose checksum is wrong", function()
    assert.is_true(layers(kinds["TCP"]):verify())
    assert.same({ false, "tcp" }, { layers(kinds["TCP with a wrong checksum"]):verify() })
    assert.same({ false, "ip" }, { layers(kinds["IPv4 with a wrong checksum"]):verify() })
    assert.same({ false, "icmp" }, { layers(kinds["ICMP with a wrong checksum"]):verify() })
    assert.same({ false, "icmpv6" }, { layers(kinds["ICMPv6 with a wrong checksum"]):verify() })
  end)

  it("tells why it cannot tell", function()
    for kind, case in pairs {
      ["later fragment"] = { "udp", "there is no udp" },
      ["first fragment"] = { "udp", "a fragment has only a part of what is summed" },
      ["UDP without a checksum"] = { "udp", "the sender gave no checksum" },
      ["IPv6 TCP"] = { "ip", "IPv6 has no checksum" },
    } do
      assert.same({ nil, case[2] }, { layers(kinds[kind]):verify(case[1]) })
    end
    local function udp(o) -- what is summed is wrong
      o.sport = 5
      return frames.ethernet(0x0800, frames.ipv4(17, frames.udp("hi", o) .. "more"))
    end
    for _, length in ipairs { 0, 7, 15 } do
      assert.same({ nil, "its length is not that of what there is" },
        { layers(udp { length = length }):verify("udp") })
    end
    layers(kinds["TCP"]:sub(1, -2), #kinds["TCP"])
    assert.same({ nil, "not all of it was captured" }, { layers:verify("tcp") })
    assert.is_true(layers:verify("ip"))
  end)

  it("sums the last address of a route that has hops to come", function()
    local last = hex "cb007105"
    local to_last, to_next = frames.tcp("x", { dst = last }), frames.tcp("x")
    for pointer, is_routed in pairs { [4] = true, [8] = false } do
      local options = { options = hex "01 83 07" .. string.char(pointer) .. last }
      layers(frames.ethernet(0x0800, frames.ipv4(6, to_last, options)))
      assert.same({ is_routed, is_routed and "203.0.113.5" or nil, is_routed },
        { layers.ip.is_routed, layers.ip.final_dst, layers:verify("tcp") })
      layers(frames.ethernet(0x0800, frames.ipv4(6, to_next, options)))
      assert.equal(not is_routed, layers:verify("tcp"))
    end
  end)

  it("refuses a name it does not know, at the caller's line", function()
    local ok, message = pcall(function() layers:verify("sctp") end)
    assert.is_false(ok)
    assert.is_truthy(message:find("^[^:]*decode_spec.lua:%d+: bad argument #1 to 'verify'"),
      message)
  end)
end)

describe("addresses", function()
  it("become text and bytes again", function()
    for text, bytes in pairs {
      ["10.0.255.1"] = hex "0a00ff01", ["02:00:5e:10:00:01"] = hex "02005e100001",
      ["::"] = ("\0"):rep(16), ["::1"] = ("\0"):rep(15) .. "\1",
      ["2001:db8::ff:fe00:42"] = frames.SRC6, ["2001:db8:1::1"] = frames.DST6,
      ["1:2:3:4:5:6:7:8"] = hex "00010002000300040005000600070008",
      ["1:0:3:4:5:6:7:8"] = hex "00010000000300040005000600070008",
      ["1::4:0:0:7:8"] = hex "00010000000000040000000000070008",
      ["1::"] = "\0\1" .. ("\0"):rep(14), ["::10.0.255.1"] = ("\0"):rep(12) .. hex "0a00ff01",
      ["::ffff:10.0.255.1"] = ("\0"):rep(10) .. hex "ffff0a00ff01",
    } do
      assert.equal(text, decode.text(bytes))
      assert.equal(bytes, (decode.address(text)), text)
    end
  end)

  it("are numbers as in the views", function()
    assert.equal(0x0a00ff01, select(2, decode.address("10.0.255.1")))
    assert.equal(0x02005e100001, select(2, decode.address("02:00:5e:10:00:01")))
    assert.is_nil((select(2, decode.address("::1"))))
  end)

  it("that are none are refused", function()
    for _, bad in ipairs { "", "10.0.0", "10.0.0.256", "1.2.3.4.5", ":::", "1:2:3", "1::2::3",
      "1.2.3.04", "001.2.3.4", "::01.2.3.4",
      "12345::", "g::", "1:2:3:4:5:6:7:8:9", "02:00:5e:10:00", "::1.2.3.999", ":1:2:3:4:5:6:7" } do
      assert.same({ nil, ("not an address: %q"):format(bad) }, { decode.address(bad) })
    end
  end)

  it("of IPv6 are written as tcpdump writes them", function()
    local folder, remove = shell.folder()
    finally(remove)
    math.randomseed(99)
    local records, expected = { savefile.header { linktype = 101 } }, {}
    for i = 1, 300 do
      local src = {}
      for g = 1, 16 do
        src[g] = string.char(math.random(3) > 1 and 0 or math.random(0, 255))
      end
      src = table.concat(src)
      records[i + 1] = savefile.record(frames.ipv6(59, "", { src = src }))
      expected[i] = decode.text(src)
    end
    local path = shell.write(folder .. "/v6.pcap", table.concat(records))
    local i = 0
    for text in shell.run("tcpdump -ntr %s 2>/dev/null", path):gmatch("IP6 (%S+) >") do
      i = i + 1
      assert.equal(text, expected[i])
    end
    assert.equal(300, i)
  end)
end)

describe("layers without a link type", function()
  local function packet_of(bytes, linktype)
    local pkt = packets.new(#bytes)
    ffi.copy(pkt.own, bytes, #bytes)
    pkt.data, pkt.caplen, pkt.wirelen, pkt.linktype = pkt.own, #bytes, #bytes, linktype
    return pkt
  end

  it("takes each packet's own, and Ethernet for a string", function()
    local layers = decode.layers()
    for _, link in ipairs(frames.links()) do
      layers(packet_of(link[3], link[1]))
      assert.same({ 80, link[1] }, { layers.tcp and layers.tcp.dest_port, layers.linktype },
        link[2])
      assert.equal(80, layers(kinds["TCP"]).tcp.dest_port)
    end
    layers(packet_of("anything", 147))
    assert.same({ nil, "link type 147 is not decoded" }, { layers.last, layers.error })
  end)

  it("does as told when it has one", function()
    local layers = decode.layers(228)
    local four = frames.ipv4(6, frames.tcp("hello"))
    assert.equal(80, layers(packet_of(four, 1)).tcp.dest_port)
    assert.equal(80, layers(four).tcp.dest_port)
  end)

  it("takes a capture's", function()
    local folder, remove = shell.folder()
    finally(remove)
    local layers = decode.layers()
    for _, link in ipairs(frames.links()) do
      local cap = assert(pcap.open_offline(shell.write(folder .. "/one.pcap",
        savefile.header { linktype = link[1] } .. savefile.record(link[3]))))
      local pkt = assert(cap:next_packet())
      assert.equal(80, layers(pkt).tcp.dest_port, link[2])
      assert.equal(80, layers(pkt:copy()).tcp.dest_port, link[2])
      cap:close()
    end
  end)

  it("has no payload and nothing to verify once the packet was emptied", function()
    local layers = decode.layers()
    for _, bytes in ipairs { kinds["TCP"], kinds["TCP without data, padded"], "", "short" } do
      local pkt = packet_of(bytes, 1)
      layers(pkt)
      pkt.data, pkt.caplen = nil, 0
      assert.is_nil(layers:payload())
      assert.same({ nil, "the packet is no longer there" }, { layers:verify() })
    end
    local pkt = packet_of(kinds["VXLAN"], 1)
    local inner = layers(pkt).inner
    assert.equal("hello", inner:payload())
    pkt.data, pkt.caplen = nil, 0
    assert.is_nil(inner:payload())
    assert.is_nil((inner:verify("ip")))
    assert.equal(80, inner.tcp.dest_port)
  end)
end)

describe("layers' methods", function()
  it("name themselves when what stands before the colon is wrong, at the caller's line", function()
    local layers = decode.layers()
    for _, name in ipairs { "payload", "flow", "verify" } do
      for _, bad in ipairs { 42, {}, "tcp", setmetatable({}, {}) } do
        local method = layers[name]
        local ok, message = pcall(function() method(bad) end)
        assert.is_false(ok)
        assert.equal(("calling '%s' on bad self (pcap layers expected, got %s)")
          :format(name, type(bad)), message:match("decode_spec.lua:%d+: (.*)"))
      end
      assert.is_false(pcall(layers[name]))
    end
  end)
end)

describe("what an ICMP error quotes", function()
  local function four(payload) return frames.ethernet(0x0800, payload) end
  local function quote(bytes, kind)
    return four(frames.ipv4(1, frames.icmp(kind or 11, 0, "\0\0\0\0" .. bytes)))
  end

  it("is a layers object of its own", function()
    local layers = decode.layers()
    local udp = frames.ipv4(17, frames.udp("asked"))
    local quoted = layers(quote(udp)).icmp.quoted
    assert.same({ "192.0.2.7", 40001, "asked", nil, true }, { quoted.ip.src,
      quoted.udp.dest_port, quoted:payload(), quoted.error, quoted:verify() })
    assert.equal(layers.icmp.quoted, quoted)
    layers(kinds["ICMP echo"])
    assert.is_nil(layers.icmp.quoted)
    assert.equal("asked", quoted:payload()) -- it has its own copy
  end)

  it("has TCP's ports where no more of it is quoted", function()
    local layers = decode.layers()
    local tcp = frames.ipv4(6, frames.tcp("hello"))
    local quoted = layers(quote(tcp:sub(1, 28))).icmp.quoted
    assert.same({ 49152, 80, 0xfedcba98, nil, nil }, { quoted.tcp.source_port,
      quoted.tcp.dest_port, quoted.tcp.seq_num, quoted.tcp.window, quoted.error })
    assert.same({ nil, "not all of it was captured" }, { quoted:verify("tcp") })
    local whole = layers(four(tcp)):flow()
    assert.equal(whole, layers(quote(tcp:sub(1, 28))).icmp.quoted:flow())
    assert.equal(501, layers(quote(tcp)).icmp.quoted.tcp.window)
  end)

  it("may have tunnels and other errors in it", function()
    local layers = decode.layers()
    local tcp = frames.ipv4(6, frames.tcp("hello"))
    assert.equal(80, layers(quote(frames.ipv4(4, tcp))).icmp.quoted.inner.tcp.dest_port)
    local error_in_error = frames.ipv4(1, frames.icmp(3, 0, "\0\0\0\0" .. tcp))
    assert.equal(80, layers(quote(error_in_error)).icmp.quoted.icmp.quoted.tcp.dest_port)
  end)

  it("ends where extensions of ICMP begin", function()
    local layers = decode.layers()
    local udp = frames.ipv4(17, frames.udp(("u"):rep(92), { length = 600 }), { length = 620 })
    local bytes = udp:sub(1, 120) .. ("\0"):rep(8) .. hex "2000dfff 00080101 00010140"
    local message = frames.icmp(11, 0, hex "00 20 0000" .. bytes)
    local quoted = layers(four(frames.ipv4(1, message))).icmp.quoted
    assert.equal(128 - 28, #quoted:payload())
  end)
end)

describe("a header whose options are cut short", function()
  it("is there, with as many of its options as were captured", function()
    local layers = decode.layers()
    local bytes = kinds["TCP with options"]
    local whole = layers(bytes).tcp.options
    layers(bytes:sub(1, 14 + 20 + 20 + 6), #bytes)
    assert.same({ 80, "tcp: options cut short", 1460, true, nil, 0 }, { layers.tcp.dest_port,
      layers.error, layers.tcp.options.mss, layers.tcp.options.sack_permitted,
      layers.tcp.options.tsval, layers.tcp.content_length })
    assert.same({ nil, "not all of it was captured" }, { layers:verify("tcp") })
    assert.same(whole, layers(bytes).tcp.options)
    bytes = kinds["IPv4 with options"]
    layers(bytes:sub(1, 14 + 22), #bytes)
    assert.same({ "192.0.2.7", "ip: options cut short", nil }, { layers.ip.src, layers.error,
      layers.udp })
    assert.same({ nil, "not all of it was captured" }, { layers:verify("ip") })
  end)
end)

describe("a protocol of one's own", function()
  it("is added by one function, from one file", function()
    local view = require "pcap.decode.view"
    local answering = {
      name = "answering",
      view = view.type("answering", 4, {
        answer = function(h) return (view.u16(h.bytes, 0)) end,
      }),
      decode = function(layers, header, data, at, limit, stop)
        if limit - at < 4 then
          layers.error = layers.error or "answering: header cut short"
          return nil, nil, at, limit, stop
        end
        view.fill(header, data, at, 4, stop)
        layers.answering, layers.last = header, "answering"
        return "inner_ethertype", view.u16(data, at + 2), at + 4, limit, stop
      end,
    }
    local dispatch = require "pcap.decode.dispatch"
    finally(function() dispatch.ethertype[0x9999], dispatch.udp[2153] = nil, nil end)
    decode.add("ethertype", 0x9999, answering)
    decode.add("udp", 2153, "gtp") -- and a port for one that there is
    local layers = decode.layers()
    layers(frames.ethernet(0x9999, hex "002a 0800" .. frames.ipv4(6, frames.tcp("hello"))))
    assert.same({ 42, 80, "hello", nil }, { layers.answering.answer, layers.inner.tcp.dest_port,
      layers.inner:payload(), layers.tcp })
    assert.is_nil(layers(kinds["TCP"]).answering)
    assert.equal("answering: header cut short", layers(frames.ethernet(0x9999, "abc")).error)
    local four = frames.ipv4(6, frames.tcp("hello"))
    layers(frames.ethernet(0x0800, frames.ipv4(17, frames.udp(hex "30ff" .. frames.u16(#four)
      .. hex "00000042" .. four, { dport = 2153 }))))
    assert.same({ 0x42, 80 }, { layers.gtp.teid, layers.inner.tcp.dest_port })
  end)

  it("is refused when it is none, at the caller's line", function()
    for position, arguments in ipairs {
      { "ports", 1, "gtp" }, { "udp", "one", "gtp" }, { "udp", 1, "no such protocol" },
      { "udp", 1, {} }, { "udp", 1 },
    } do
      local ok, message = pcall(function() decode.add(unpack(arguments, 1, 3)) end)
      assert.is_false(ok)
      assert.is_truthy(message:find(("^[^:]*decode_spec.lua:%%d+: bad argument #%d to 'add'")
        :format(math.min(position, 3))), message)
    end
  end)

  it("is one file and one line in the table of dispatch", function()
    local dispatch = require "pcap.decode.dispatch"
    package.preload["pcap.decode.made_up"] = function()
      local follow, view = require "pcap.decode.follow", require "pcap.decode.view"
      local fields = { answer = function(h) return (view.u16(h.bytes, 0)) end }
      local function decode_made_up(layers, header, data, at, limit, stop)
        if limit - at < 4 then
          return follow.fail(layers, "made_up: header cut short", at, limit, stop)
        end
        view.fill(header, data, at, 4, stop)
        layers.made_up, layers.last = header, "made_up"
        return "ethertype", view.u16(data, at + 2), at + 4, limit, stop
      end
      return { name = "made_up", view = view.type("made_up", 4, fields), decode = decode_made_up }
    end
    dispatch.ethertype[0x9999] = "made_up"
    dispatch.udp[4242] = "made_up"
    finally(function()
      dispatch.ethertype[0x9999], dispatch.udp[4242] = nil, nil
      package.preload["pcap.decode.made_up"], package.loaded["pcap.decode.made_up"] = nil, nil
    end)

    local layers = decode.layers()
    layers(frames.ethernet(0x9999, hex "002a 0800" .. frames.ipv4(6, frames.tcp("hello"))))
    assert.same({ 42, 80, "hello" }, { layers.made_up.answer, layers.tcp.dest_port,
      layers:payload() })
    assert.is_nil(layers(kinds["TCP"]).made_up)
    assert.equal("made_up: header cut short", layers(frames.ethernet(0x9999, "abc")).error)
    for _, ports in ipairs { { sport = 4242 }, { dport = 4242 } } do
      layers(frames.ethernet(0x0800, frames.ipv4(17, frames.udp(hex "002b ffff", ports))))
      assert.equal(43, layers.made_up.answer)
    end
  end)

  it("may be behind every space of the table", function()
    local dispatch = require "pcap.decode.dispatch"
    package.preload["pcap.decode.made_up"] = function()
      local function decode_made_up(layers, _, _, at, limit, stop)
        layers.last = "made_up"
        return nil, nil, at, limit, stop
      end
      return { name = "made_up", decode = decode_made_up }
    end
    local ports = { sport = 4242, dport = 4242 }
    local behind = {
      sap = { 0x42, frames.ethernet(4, hex "42 42 03 00") },
      tcp = { 4242, frames.ethernet(0x0800, frames.ipv4(6, frames.tcp("x", ports))) },
      udp = { 4242, frames.ethernet(0x0800, frames.ipv4(17, frames.udp("x", ports))) },
      sctp = { 4242, frames.ethernet(0x0800, frames.ipv4(132, frames.u16(4242) .. frames.u16(1)
        .. ("\0"):rep(8))) },
      ip = { 253, frames.ethernet(0x0800, frames.ipv4(253, "x")) },
      ppp = { 0xc021, frames.ethernet(0x8864, hex "1100 0042 0006 c021 0901 0004") },
    }
    finally(function()
      for space, case in pairs(behind) do
        dispatch[space][case[1]] = nil
      end
      package.preload["pcap.decode.made_up"], package.loaded["pcap.decode.made_up"] = nil, nil
    end)
    for space, case in pairs(behind) do
      assert.is_nil(dispatch[space][case[1]])
      dispatch[space][case[1]] = "made_up"
    end
    local layers = decode.layers()
    for space, case in pairs(behind) do
      assert.equal("made_up", layers(case[2]).last, space)
    end
    assert.equal("IP 192.0.2.7.4242 > 198.51.100.200.4242: tcp 1", decode.summary(behind.tcp[2]))
  end)
end)
